#include "protocols/http1/response_stream.h"

#include <algorithm>
#include <utility>

#include "base/byte_reader.h"
#include "protocols/http2/grpc.h"

namespace beyla::protocols::http1 {
namespace {

constexpr std::string_view kResponsePrefix = "HTTP/1.";  // RFC 9112 §2.3
constexpr std::uint16_t kSwitchingProtocols = 101;       // RFC 9110 §15.2.2
constexpr std::uint16_t kOk = 200;
constexpr std::uint16_t kFirstFinal = 200;     // RFC 9110 §15.2: 1xx is interim
constexpr std::uint16_t kFirstRedirect = 300;  // RFC 9110 §9.3.6: 2xx opens the tunnel
constexpr std::uint16_t kNoContent = 204;
constexpr std::uint16_t kNotModified = 304;

}  // namespace

ResponseStream::ResponseStream(Pairing& pairing, const model::ConnectionInfo& connection,
                               session::RetentionSink* retention)
    : pairing_(pairing),
      state_(connection.seen_from_start ? State::head : State::skip),
      retained_(retention, connection.id,
                session::opposite(session::request_direction(connection.role)),
                RetainedBytes::HeadKind::response),
      position_known_(connection.seen_from_start) {}

void ResponseStream::on_bytes(const session::Segment& segment, bool unseen_requests) {
  position_ = segment.offset;
  position_known_ = true;
  if (state_ == State::after_hole) judge_after_hole(segment, unseen_requests);
  std::span<const std::byte> bytes = segment.bytes;
  while (!bytes.empty() && !ended_) {
    bytes = bytes.subspan(take(segment, bytes));
    // An answer ended with these bytes, even if they were none of its own.
    if (state_ == State::body && remaining_ == 0) complete(segment.time);
  }
  last_time_ = segment.time;
}

std::size_t ResponseStream::take(const session::Segment& segment,
                                 std::span<const std::byte> bytes) {
  switch (state_) {
    case State::head: return take_head(segment, bytes);
    case State::body: {
      const auto used = std::min<std::uint64_t>(remaining_, bytes.size());
      if (is_call()) web_.feed(bytes.first(static_cast<std::size_t>(used)));
      remaining_ -= used;
      position_ += used;
      return static_cast<std::size_t>(used);
    }
    case State::chunks: {
      if (retained_.wanted()) retained_.take_chunks(chunks_, position_, bytes);
      const std::size_t used = take_chunks(bytes);
      position_ += used;
      if (chunks_.done()) {
        complete(segment.time);
      } else if (chunks_.lost()) {
        lose_framing(false);
      }
      return used;
    }
    case State::until_close:
    case State::unknown:
    case State::skip:
    case State::after_hole: break;
  }
  position_ += bytes.size();
  return bytes.size();
}

// Of a call the content is looked into.
std::size_t ResponseStream::take_chunks(std::span<const std::byte> bytes) {
  if (!is_call()) return chunks_.feed(bytes);
  std::size_t used = 0;
  while (used < bytes.size() && !chunks_.done() && !chunks_.lost()) {
    const auto rest = bytes.subspan(used);
    const auto ahead = std::min<std::uint64_t>(chunks_.data_ahead(), rest.size());
    const auto content = rest.first(static_cast<std::size_t>(ahead));
    web_.feed(content);
    used += chunks_.feed(content.empty() ? rest.first(1) : content);
  }
  return used;
}

std::size_t ResponseStream::take_head(const session::Segment& segment,
                                      std::span<const std::byte> bytes) {
  const bool begins = buffer_.empty();
  if (begins && !begin_head()) return 0;
  const HeadBuffer::Fed fed = buffer_.feed(bytes);
  if (retained_.wanted()) {
    if (begins) retained_.begin_head();
    retained_.take_head(position_, bytes.first(fed.used));
  }
  position_ += fed.used;
  const std::string_view text = base::as_text(fed.head);
  const auto compared = std::min(text.size(), kResponsePrefix.size());
  if (text.substr(0, compared) != kResponsePrefix.substr(0, compared)) {
    reject();
    return fed.used;
  }
  if (fed.status == HeadBuffer::Status::incomplete) return fed.used;
  if (fed.status == HeadBuffer::Status::too_long) {
    begin_truncated(fed.head, false);
    return fed.used;
  }
  const ResponseParse parse = parse_response_head(fed.head);
  if (parse.status != HeadStatus::complete) {
    reject();
    return fed.used;
  }
  begin_answer(parse.head, segment.time);
  buffer_.clear();
  return fed.used;
}

// At the first byte of a head: is a request there that it can answer?
bool ResponseStream::begin_head() {
  start_ = position_;
  if (pairing_.empty()) {
    pairing_.count_unpaired();
    skip_to_next_request();
    return false;
  }
  const std::uint64_t request_position = pairing_.front().answer_position;
  if (request_position <= position_) return true;
  // These bytes are older than the request.
  pairing_.count_unpaired();
  state_ = State::body;
  remaining_ = request_position - position_;
  return false;
}

void ResponseStream::begin_answer(const ResponseHead& head, base::BootTime time) {
  invalid_heads_ = 0;
  if (head.status_code < kFirstFinal && head.status_code != kSwitchingProtocols) {
    pairing_.on_interim(position_);
    return;
  }
  answer_.emplace(Answer{pairing_.pop(), head.status_code, head.grpc_status});
  if (is_call()) web_ = http2::GrpcWebBody(head.grpc_web);
  const std::string_view operation = answer_->request.operation;
  const bool connected = operation == "CONNECT" && head.status_code < kFirstRedirect;
  if (connected || head.status_code == kSwitchingProtocols) {
    answer_->request.last = true;
    answer_->request.to_http2 = head.to_http2 && head.status_code == kSwitchingProtocols;
    emit(time);
    return;
  }
  if (head.framing.ambiguous(head.minor_version)) answer_->request.last = true;
  state_ = framing_of(head, operation);
  if (state_ == State::head) complete(time);
}

// RFC 9112 §6.3, responses. State::head: there is no body.
ResponseStream::State ResponseStream::framing_of(const ResponseHead& head,
                                                 std::string_view operation) {
  if (operation == "HEAD" || head.status_code == kNoContent || head.status_code == kNotModified) {
    return State::head;
  }
  if (head.framing.chunked) {
    chunks_ = ChunkWalker{};
    return State::chunks;
  }
  if (head.framing.other_coding || !head.framing.content_length) return State::until_close;
  remaining_ = *head.framing.content_length;
  return remaining_ == 0 ? State::head : State::body;
}

// The status is there, the rest of the head is not.
void ResponseStream::begin_truncated(std::span<const std::byte> head, bool lost) {
  const ResponseParse line = parse_status_line(head);
  const bool known = line.status == HeadStatus::complete && line.head.status_code >= kFirstFinal;
  buffer_.clear();
  if (!known) {
    after_lost_answers();
    return;
  }
  answer_.emplace(Answer{pairing_.pop(), line.head.status_code, std::nullopt});
  answer_->request.grpc_web = false;  // its code may stand in the rest
  lose_framing(lost);
}

session::HoleKind ResponseStream::on_hole(const session::Hole& hole) {
  std::uint64_t length = hole.length;
  bool content = state_ == State::body && answer_ && length <= remaining_;
  position_ = hole.offset;
  position_known_ = true;
  if (state_ == State::body) {
    const std::uint64_t used = std::min(remaining_, length);
    web_.skip(used);
    remaining_ -= used;
    length -= used;
    position_ += used;
    if (remaining_ == 0) complete(hole.lost ? last_time_ : hole.time);
  }
  position_ += length;
  if (state_ == State::chunks) {
    web_.skip(length);
    chunks_.skip(length);
    content = content || !chunks_.lost();
    if (chunks_.lost()) lose_framing(hole.lost);
  } else if (state_ == State::head && length > 0) {
    if (buffer_.empty()) {
      after_lost_answers();
    } else {
      begin_truncated(buffer_.bytes(), hole.lost);
    }
  }
  if (!hole.lost) last_time_ = hole.time;
  return content ? session::HoleKind::content : session::HoleKind::unknown;
}

// The answer goes on until the next request came, at the latest.
void ResponseStream::lose_framing(bool lost) {
  state_ = State::unknown;
  if (pairing_.empty()) return;
  if (lost) pairing_.drop_older(position_);
  const std::uint64_t next = pairing_.front().answer_position;
  if (pairing_.pipelined() || next <= start_) {
    emit(last_time_);
    after_lost_answers();
  } else if (next > position_) {
    state_ = State::body;
    remaining_ = next - position_;
  } else {
    emit(last_time_);
    state_ = State::after_hole;
  }
}

// Answers may have passed unseen.
void ResponseStream::after_lost_answers() {
  if (pairing_.pipelined()) {
    pairing_.drop_all(model::IncompleteReason::gap);
    ended_ = true;
    return;
  }
  pairing_.drop_older(position_);
  state_ = State::after_hole;
}

void ResponseStream::judge_after_hole(const session::Segment& segment, bool unseen_requests) {
  pairing_.drop_older(position_);
  const bool begins =
      segment.starts_record && base::as_text(segment.bytes).starts_with(kResponsePrefix);
  if (begins && retained_.wanted()) retained_.take_all(segment.offset, kResponsePrefix.size());
  state_ = begins ? State::head : State::skip;
  start_ = position_;
  if (pairing_.empty()) return;
  const std::uint64_t request_position = pairing_.front().answer_position;
  if (request_position > position_) {  // older bytes, up to there
    state_ = State::body;
    remaining_ = request_position - position_;
    return;
  }
  if (begins && !unseen_requests) return;
  // Not its head, or perhaps the answer of a request that we never saw.
  pairing_.drop_all(model::IncompleteReason::gap);
  skip_to_next_request();
}

bool ResponseStream::goes_on(std::uint64_t position) const {
  switch (state_) {
    case State::head: return !buffer_.empty() && position <= position_;
    case State::body: return answer_ && position < position_ + remaining_;
    case State::chunks: return position <= position_;
    default: return false;
  }
}

std::optional<std::uint64_t> ResponseStream::busy_until() const {
  switch (state_) {
    case State::head:
      if (buffer_.empty()) return std::nullopt;
      return position_;
    case State::body:
      if (!answer_) return std::nullopt;
      return position_ + std::min(remaining_, session::kMaxStreamPosition) - 1;
    case State::chunks:
    case State::until_close: return position_;
    case State::unknown:
    case State::skip:
    case State::after_hole: break;
  }
  return std::nullopt;
}

void ResponseStream::resume_at(std::uint64_t position) {
  state_ = State::head;
  position_ = position;
  position_known_ = true;
}

void ResponseStream::note_skipped(const session::Segment& segment) {
  if (state_ != State::skip || !segment.starts_record || !pairing_.empty()) return;
  if (!base::as_text(segment.bytes).starts_with(kResponsePrefix)) return;
  if (retained_.wanted()) retained_.take_all(segment.offset, kResponsePrefix.size());
  pairing_.count_unpaired();
}

bool ResponseStream::on_request(std::uint64_t position) {
  if (!position_known_) {
    position_known_ = true;
    position_ = position;
  }
  if (state_ != State::skip && state_ != State::unknown) return true;
  if (state_ == State::unknown && position <= start_) return true;
  if (position < position_) {  // what it waits for may have passed already
    if (answer_) emit(last_time_);
    skip_to_next_request();
    return false;
  }
  remaining_ = position - position_;
  if (remaining_ == 0) {
    complete(last_time_);
  } else {
    state_ = State::body;
  }
  return true;
}

std::uint64_t ResponseStream::on_request_gap() {
  std::uint64_t explained = position_;
  if (!pairing_.empty()) explained = pairing_.back().answer_position;
  switch (state_) {
    case State::body: explained = std::max(explained, position_ + remaining_); break;
    case State::unknown: emit(last_time_); [[fallthrough]];
    case State::skip:
      explained = start_;
      skip_to_next_request();
      start_ = explained;
      break;
    case State::chunks:
    case State::until_close: explained = std::max(explained, start_); break;
    case State::head:
    case State::after_hole:
      if (!pairing_.empty()) skip_to_next_request();
      break;
  }
  return explained;
}

void ResponseStream::set_body_bytes(std::uint64_t sequence, std::optional<std::uint64_t> bytes) {
  if (answer_ && answer_->request.sequence == sequence) answer_->request.body_bytes = bytes;
}

bool ResponseStream::end_behind_answer() {
  if (answer_) answer_->request.last = true;
  return answer_.has_value();
}

void ResponseStream::finish() {
  if (state_ == State::head && !buffer_.empty()) begin_truncated(buffer_.bytes(), false);
  if (answer_) emit(last_time_);
  skip_to_next_request();
}

std::size_t ResponseStream::take_invalid_heads() { return std::exchange(invalid_heads_, 0); }

void ResponseStream::complete(base::BootTime end) {
  if (answer_) emit(end);
  pairing_.on_answered(position_);
  state_ = State::head;
}

void ResponseStream::emit(base::BootTime end) {
  ended_ = ended_ || answer_->request.last;
  const auto code = grpc_status();
  pairing_.emit(std::move(answer_->request), answer_->status_code, code, end);
  answer_.reset();
}

// Of a call; nullopt where it is not known: then it is a request of HTTP like any other.
std::optional<std::uint32_t> ResponseStream::grpc_status() const {
  if (!is_call() || answer_->request.path.empty()) return std::nullopt;
  if (answer_->grpc_status) return answer_->grpc_status;
  if (answer_->status_code != kOk) return http2::grpc_status_of_http(answer_->status_code);
  return web_.status();
}

void ResponseStream::reject() {
  ++invalid_heads_;
  if (pairing_.pipelined()) ended_ = true;
  pairing_.drop_all(model::IncompleteReason::gap);
  skip_to_next_request();
}

void ResponseStream::skip_to_next_request() {
  buffer_.clear();
  state_ = State::skip;
  start_ = position_;
}

}  // namespace beyla::protocols::http1
