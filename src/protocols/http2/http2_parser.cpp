#include "protocols/http2/http2_parser.h"

#include <utility>

#include "protocols/http2/hpack_table.h"

namespace beyla::protocols::http2 {
namespace {

constexpr std::size_t kMaxInvalid = 3;  // ours: then it is no HTTP/2, or we cannot follow it

}  // namespace

Http2Parser::Side::Side(Http2Parser& parser, const model::ConnectionInfo& connection,
                        model::Direction direction, session::RetentionSink* retention)
    : frames(*this, connection, direction, retention),
      parser_(parser),
      asks_(direction == parser.request_direction_) {}

std::size_t Http2Parser::Side::memory_bytes() const {
  return frames.memory_bytes() + fields_.memory_bytes();
}

// What every peer may take for granted (RFC 9113 §6.5.2) has room nonetheless.
void Http2Parser::Side::set_memory_tight(bool tight) {
  fields_.set_max_table_bytes(tight ? kDefaultTableBytes : kMaxTableBytes);
}

// Every block goes through the decoder, whosesoever it is: the next ones refer to its fields.
void Http2Parser::Side::on_block(const HeaderBlock& block, const FrameEnd& at) {
  if (parser_.opaque_) return;
  misses_ = 0;
  const bool is_request = asks_ || block.pushed;
  HeadReader reader(is_request ? HeadReader::Kind::request : HeadReader::Kind::answer);
  bool is_whole = false;
  if (block.broken) {
    fields_.forget();
  } else {
    is_whole = fields_.decode(block.bytes, reader);
  }
  if (block.pushed) return;
  MessageHead head = reader.finish(is_whole);
  if (asks_) {
    parser_.invalid_ = 0;
    const bool answers_missed = parser_.answers_.frames.misses();
    parser_.streams_.on_request_head(block, std::move(head), at, answers_missed);
    if (!parser_.streams_.told_by_others()) return;
    parser_.opaque_ = true;
    parser_.streams_.withdraw_all();
  } else {
    parser_.streams_.on_answer_head(block, std::move(head), at);
  }
}

void Http2Parser::Side::on_data(std::uint32_t stream, std::optional<std::uint32_t> bytes,
                                bool end_stream, const FrameEnd& at) {
  if (parser_.opaque_) return;
  misses_ = 0;
  if (asks_) {
    parser_.streams_.on_request_data(stream, bytes, end_stream);
  } else {
    parser_.streams_.on_answer_data(stream, end_stream, at);
  }
}

void Http2Parser::Side::on_reset(std::uint32_t stream, std::optional<std::uint32_t> code,
                                 const FrameEnd& at) {
  if (!parser_.opaque_) parser_.streams_.on_reset(stream, asks_, code, at.time);
}

// A client's is about what the server has pushed.
void Http2Parser::Side::on_goaway(std::optional<std::uint32_t> last_stream, const FrameEnd& at) {
  if (parser_.opaque_ || asks_ || !last_stream) return;
  parser_.streams_.on_goaway(*last_stream, at.time);
}

void Http2Parser::Side::on_frames_lost() {
  fields_.forget();
  if (++misses_ > kMaxMisses) return parser_.give_up(model::IncompleteReason::gap);
  if (asks_) {
    parser_.streams_.on_requests_lost();
  } else {
    parser_.streams_.on_answers_lost();
  }
}

Http2Parser::Http2Parser(const model::ConnectionInfo& connection, model::ExchangeSink& sink,
                         session::RetentionSink* retention)
    : request_direction_(session::request_direction(connection.role)),
      streams_(connection, sink),
      requests_(*this, connection, request_direction_, retention),
      answers_(*this, connection, session::opposite(request_direction_), retention) {}

void Http2Parser::on_bytes(const session::Segment& segment) {
  if (opaque_) return;
  now_ = segment.time;
  Side& side = side_of(segment.direction);
  side.end = segment.offset + segment.bytes.size();
  side.frames.on_bytes(segment);
}

session::HoleKind Http2Parser::on_hole(const session::Hole& hole) {
  if (opaque_) return session::HoleKind::unknown;
  now_ = hole.time;
  Side& side = side_of(hole.direction);
  side.end = hole.offset + hole.length;
  return side.frames.on_hole(hole);
}

// A client that closes its side may still get its answers.
void Http2Parser::on_send_closed(base::BootTime time) {
  if (request_direction_ == model::Direction::received) on_closed(time);
}

void Http2Parser::on_closed(base::BootTime time) {
  if (std::exchange(opaque_, true)) return;
  streams_.end_all(time);
}

void Http2Parser::on_unwatched(base::BootTime time) {
  now_ = time;
  give_up(model::IncompleteReason::no_answer);
}

void Http2Parser::on_no_memory(base::BootTime time) {
  now_ = time;
  give_up(model::IncompleteReason::limit);
}

void Http2Parser::set_memory_tight(bool tight) {
  streams_.set_memory_tight(tight);
  requests_.set_memory_tight(tight);
  answers_.set_memory_tight(tight);
}

void Http2Parser::count_invalid() {
  if (++invalid_ >= kMaxInvalid) give_up(model::IncompleteReason::gap);
}

void Http2Parser::give_up(model::IncompleteReason reason) {
  if (std::exchange(opaque_, true)) return;
  streams_.drop_all(reason, now_);
}

std::size_t Http2Parser::memory_bytes() const {
  return streams_.memory_bytes() + requests_.memory_bytes() + answers_.memory_bytes();
}

}  // namespace beyla::protocols::http2
