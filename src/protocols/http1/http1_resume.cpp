// A parser whose process died, and the one that goes on behind it: between messages nothing is
// lost; in the middle of some the successor knows where they end, or looks for a new beginning.
#include <algorithm>
#include <utility>

#include "protocols/http1/http1_parser.h"
#include "protocols/http1/methods.h"

namespace beyla::protocols::http1 {
namespace {

// What decides about the body of an answer, RFC 9112 §6.3.
constexpr std::string_view kHead = "HEAD";
constexpr std::string_view kConnect = "CONNECT";

enum Bits : std::uint16_t {
  kInBody = 1,           // of a request; it ends at ResumePoint::requests
  kLost = 2,             // the next request is to be found
  kDoubtHead = 4,        // RequestStream::Doubt
  kDoubtChunks = 8,      // likewise
  kSkipsAnswers = 16,    // until a request comes
  kMissedRequests = 32,  // ever
  kPipelined = 64,       // ever
  // One request waits for its answer, which had not begun: since ResumePoint::answers.
  kAwaits = 128,
  kAwaitsHead = 256,
  kAwaitsConnect = 512,
  kAwaitsLast = 1024,
  // Answers are owed about which less is known: to requests that come until ResumePoint::answers.
  kOwes = 2048,
  kTangled = 4096,  // and no pair could be proved behind them
};

void set(session::ResumePoint& point, int bits) {
  point.bits = static_cast<std::uint16_t>(point.bits | bits);
}

// Lengths are what a peer announced.
std::uint64_t position_behind(std::uint64_t position, std::uint64_t length) {
  const std::uint64_t room = session::kMaxStreamPosition - position;
  return position + std::min(length, room);
}

int doubt_bits(RequestStream::Doubt doubt) {
  if (doubt == RequestStream::Doubt::head) return kDoubtHead;
  return doubt == RequestStream::Doubt::chunks ? kDoubtChunks : 0;
}

RequestStream::Doubt doubt_of(std::uint16_t bits) {
  if ((bits & kDoubtChunks) != 0) return RequestStream::Doubt::chunks;
  return (bits & kDoubtHead) != 0 ? RequestStream::Doubt::head : RequestStream::Doubt::none;
}

}  // namespace

session::ResumePoint Http1Parser::resume_point() const {
  session::ResumePoint point;
  if (const auto left = requests_.body_left()) {
    point.requests = position_behind(requests_end_, *left);
    set(point, kInBody);
  } else if (!requests_.between_messages()) {
    set(point, kLost | kMissedRequests | doubt_bits(requests_.doubt()));
  }
  if (missed_requests_) set(point, kMissedRequests);
  if (pairing_.pipelined()) set(point, kPipelined);
  if (awaits_one()) {
    const Request& request = pairing_.front();
    point.answers = request.answer_position;
    set(point, kAwaits);
    if (request.operation == kHead) set(point, kAwaitsHead);
    if (request.operation == kConnect) set(point, kAwaitsConnect);
    if (request.last) set(point, kAwaitsLast);
  } else {
    if (!responses_.between_messages() || !pairing_.empty()) set(point, kSkipsAnswers);
    if (const auto until = owes_until()) {
      point.answers = std::min(*until, session::kMaxStreamPosition);
      set(point, kOwes | kSkipsAnswers);
      if (is_tangled()) set(point, kTangled);
    }
  }
  return point;
}

bool Http1Parser::awaits_one() const {
  return pairing_.size() == 1 && !pairing_.front().doubted && responses_.between_messages() &&
         !requests_.inside_head() && !explained_until_;
}

// A request that comes while the answers are no further waits behind one that the successor does
// not know.
std::optional<std::uint64_t> Http1Parser::owes_until() const {
  std::optional<std::uint64_t> until = responses_.busy_until();
  const auto extend = [&until](std::uint64_t to) { until = std::max(until.value_or(0), to); };
  if (!until && (waiting() > 0 || requests_.inside_head())) {
    extend(answers_end_ + kMinAnswerBytes - 1);
    if (waiting() > 0) extend(pairing_.back().answer_position + kMinAnswerBytes - 1);
  }
  if (explained_until_ && *explained_until_ >= answers_end_) extend(*explained_until_);
  return until;
}

// Requests whose answers are to come, and surely did not pass unseen.
std::size_t Http1Parser::waiting() const {
  if (!responses_.after_hole()) return pairing_.size();
  return !pairing_.empty() && pairing_.back().answer_position >= answers_end_ ? 1 : 0;
}

// More than one answer is owed, or nothing is believed behind it.
bool Http1Parser::is_tangled() const {
  const std::size_t begun = responses_.busy_until() && !responses_.inside_head() ? 1 : 0;
  if (pairing_.pipelined() || waiting() + begun > 1) return true;
  return responses_.ends_behind_answer() || (waiting() > 0 && pairing_.back().last);
}

void Http1Parser::resume(const session::ResumePoint& point, session::StreamPositions positions) {
  requests_end_ = answered_until_ = positions.requests;
  answers_end_ = positions.answers;
  const auto has = [&point](std::uint16_t bit) { return (point.bits & bit) != 0; };
  if (has(kInBody)) {
    if (point.requests > requests_end_) requests_.resume_in_body(point.requests - requests_end_);
  } else if (has(kLost)) {
    requests_.resume_lost(doubt_of(point.bits));
  }
  if (!has(kSkipsAnswers)) responses_.resume_at(answers_end_);
  missed_requests_ = has(kMissedRequests);
  if (has(kPipelined)) pairing_.set_pipelined();
  if (has(kAwaits)) {
    Request request;
    request.counts = false;
    request.operation = has(kAwaitsHead) ? kHead : has(kAwaitsConnect) ? kConnect : kOtherMethod;
    request.answer_position = point.answers;
    request.last = has(kAwaitsLast);
    pairing_.push(std::move(request));
  }
  if (has(kOwes)) explained_until_ = point.answers;
  if (has(kTangled)) give_up(model::IncompleteReason::gap);
}

}  // namespace beyla::protocols::http1
