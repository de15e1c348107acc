#include "protocols/http1/http1_parser.h"

#include <algorithm>
#include <utility>

namespace beyla::protocols::http1 {
namespace {

constexpr std::size_t kMaxInvalidHeads = 3;  // ours: then it is no HTTP, or we cannot follow it

}  // namespace

Http1Parser::Http1Parser(const model::ConnectionInfo& connection, model::ExchangeSink& sink,
                         session::RetentionSink* retention)
    : request_direction_(session::request_direction(connection.role)),
      pairing_(connection, sink),
      requests_(*this, connection, retention),
      responses_(pairing_, connection, retention),
      missed_requests_(!connection.seen_from_start) {}

void Http1Parser::on_bytes(const session::Segment& segment) {
  if (opaque_) return;
  pairing_.set_time(segment.time);
  if (segment.direction == request_direction_) {
    requests_end_ = segment.offset + segment.bytes.size();
    requests_.on_bytes(segment);
  } else {
    note_answer(segment.other_offset, segment.offset + segment.bytes.size());
    if (!proves_front(segment.other_offset)) return;
    if (requests_.in_doubt()) responses_.note_skipped(segment);
    if (shows_pipelining(segment)) pairing_.set_pipelined();
    const bool unseen = !requests_.in_sync() || segment.other_offset > requests_end_;
    responses_.on_bytes(segment, unseen);
    count_invalid(responses_.take_invalid_heads());
  }
  check_end();
}

session::HoleKind Http1Parser::on_hole(const session::Hole& hole) {
  if (opaque_) return session::HoleKind::unknown;
  pairing_.set_time(hole.time);
  session::HoleKind kind{};
  if (hole.direction == request_direction_) {
    requests_end_ = hole.offset + hole.length;
    kind = requests_.on_hole(hole);
    if (hole.lost && kind != session::HoleKind::content) note_lost_requests(requests_end_);
  } else {
    if (!hole.lost) note_answer(hole.other_offset, hole.offset + hole.length);
    if (!proves_front(hole.other_offset)) return session::HoleKind::unknown;
    kind = responses_.on_hole(hole);
  }
  check_end();
  return kind;
}

// A client that closes its side may still get its answer.
void Http1Parser::on_send_closed(base::BootTime time) {
  if (opaque_ || request_direction_ == model::Direction::sent) return;
  pairing_.set_time(time);
  responses_.finish();
  check_end();
}

void Http1Parser::on_closed(base::BootTime time) {
  if (opaque_) return;
  pairing_.set_time(time);
  // The content announced did not come: how much of it did, not every record may tell.
  if (const auto sequence = requests_.unfinished()) set_body_bytes(*sequence, std::nullopt);
  responses_.finish();
  pairing_.drop_all(model::IncompleteReason::no_answer);
  opaque_ = true;
}

void Http1Parser::on_request(Request&& request) {
  pairing_.count_begun(request);
  if (opaque_) {  // by one before it, in the same bytes
    pairing_.count_incomplete(request, end_reason_);
    return;
  }
  invalid_heads_ = 0;
  if (explained_until_ && request.answer_position <= *explained_until_) {
    pairing_.count_incomplete(request, model::IncompleteReason::gap);
    give_up(model::IncompleteReason::gap);
    return;
  }
  explained_until_.reset();
  if (pairing_.size() >= kMaxPending) {
    pairing_.count_incomplete(request, model::IncompleteReason::limit);
    give_up(model::IncompleteReason::limit);
    return;
  }
  if (!responses_.on_request(request.answer_position)) {
    pairing_.count_incomplete(request, model::IncompleteReason::gap);
    return;
  }
  // A client's record can be late by an answer, which shows unless it was lost.
  request.position_sure =
      request_direction_ == model::Direction::received || request.answer_position <= answers_end_;
  if (!pairing_.empty() && !pairing_.back().position_sure &&
      pairing_.back().answer_position == request.answer_position) {
    pairing_.count_incomplete(request, model::IncompleteReason::gap);
    give_up(model::IncompleteReason::gap);
    return;
  }
  pairing_.push(std::move(request));
  // The requests that we missed may still wait for answers in front of these.
  if (pairing_.pipelined() && missed_requests_) give_up(model::IncompleteReason::gap);
}

void Http1Parser::on_request_body(std::uint64_t sequence, std::uint64_t bytes) {
  set_body_bytes(sequence, bytes);
}

void Http1Parser::set_body_bytes(std::uint64_t sequence, std::optional<std::uint64_t> bytes) {
  if (!pairing_.set_body_bytes(sequence, bytes)) responses_.set_body_bytes(sequence, bytes);
}

void Http1Parser::on_request_gap() {
  const std::uint64_t explained = responses_.on_request_gap();
  if (!explained_until_) explained_until_ = explained;
  missed_requests_ = true;
  pairing_.drop_all(model::IncompleteReason::gap);
  if (pairing_.pipelined()) give_up(model::IncompleteReason::gap);
}

void Http1Parser::on_framing_lost() {
  if (pairing_.pipelined()) give_up(model::IncompleteReason::gap);
}

void Http1Parser::on_invalid_request(std::uint64_t answer_position, bool guessed) {
  count_invalid(1);
  on_framing_lost();
  if (opaque_ || guessed) return;
  // Its answer, mostly a 400, must not be taken for that of the next request.
  if (!end_behind_newest() && !explained_until_) explained_until_ = answer_position;
}

void Http1Parser::on_bytes_behind_connect() {
  if (!pairing_.empty()) pairing_.set_last();
}

void Http1Parser::note_answer(std::uint64_t request_position, std::uint64_t end) {
  answers_end_ = end;
  answered_until_ = request_position;
}

// If not even the shortest answer went by since some of them came, they still wait.
void Http1Parser::note_lost_requests(std::uint64_t end) {
  if (opaque_ || answered_until_ >= end) return;
  const std::uint64_t unanswered = answers_end_ + kMinAnswerBytes - 1;
  explained_until_ = std::max(explained_until_.value_or(0), unanswered);
}

// More was read than the requests that we know, and one of them has not got its answer yet.
bool Http1Parser::shows_pipelining(const session::Segment& answer) const {
  return answer.other_offset > requests_end_ && requests_.between_messages() &&
         responses_.owes_answer();
}

// Nobody who pipelines is followed behind a loss: while an answer goes on no request begins.
bool Http1Parser::may_begin(std::uint64_t answer_position, bool doubtful) const {
  if (responses_.goes_on(answer_position)) return false;
  if (pairing_.empty()) return true;
  // Answers that we did not see may have been interim ones to a request whose content goes on.
  return !doubtful && answer_position > pairing_.back().answer_position && !pairing_.back().last;
}

// A request that may be content of the one before is none if the server read more before it
// answered: the request that it did answer is then in there.
bool Http1Parser::proves_front(std::uint64_t request_position) {
  if (pairing_.empty() || !pairing_.front().doubted) return true;
  if (pairing_.size() > 1 || !requests_.between_messages() || request_position != requests_end_) {
    give_up(model::IncompleteReason::gap);
    return false;
  }
  pairing_.confirm_front();
  return true;
}

bool Http1Parser::end_behind_newest() {
  if (pairing_.empty()) return responses_.end_behind_answer();
  pairing_.set_last();
  return true;
}

void Http1Parser::count_invalid(std::size_t heads) {
  invalid_heads_ += heads;
  if (invalid_heads_ >= kMaxInvalidHeads) give_up(model::IncompleteReason::gap);
}

// RFC 9110 §7.8 and §9.3.6: what waits behind an upgrade or CONNECT was never answered.
void Http1Parser::check_end() {
  if (!responses_.ended() || opaque_) return;
  opaque_ = true;
  pairing_.drop_all(end_reason_);
}

void Http1Parser::give_up(model::IncompleteReason reason) {
  if (opaque_) return;
  opaque_ = true;
  end_reason_ = reason;
  responses_.finish();
  pairing_.drop_all(reason);
}

}  // namespace beyla::protocols::http1
