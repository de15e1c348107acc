#include "protocols/http1/http1_parser.h"

#include <algorithm>
#include <utility>

namespace beyla::protocols::http1 {
namespace {

constexpr std::size_t kMaxInvalidHeads = 3;  // ours: then it is no HTTP, or we cannot follow it

}  // namespace

Http1Parser::Http1Parser(const model::ConnectionInfo& connection, model::ExchangeSink& sink)
    : pairing_(connection, sink),
      requests_(*this),
      responses_(pairing_, !connection.seen_from_start),
      missed_requests_(!connection.seen_from_start) {}

void Http1Parser::on_bytes(const session::Segment& segment) {
  if (opaque_) return;
  if (segment.direction == model::Direction::received) {
    received_end_ = segment.offset + segment.bytes.size();
    requests_.on_bytes(segment);
  } else {
    const bool unseen = !requests_.in_sync() || segment.other_offset > received_end_;
    responses_.on_bytes(segment, unseen);
    count_invalid(responses_.take_invalid_heads());
  }
  check_tunnel();
}

void Http1Parser::on_hole(const session::Hole& hole) {
  if (opaque_) return;
  if (hole.direction == model::Direction::received) {
    received_end_ = hole.offset + hole.length;
    requests_.on_hole(hole);
  } else {
    responses_.on_hole(hole);
  }
  check_tunnel();
}

void Http1Parser::on_send_closed(base::BootTime) {
  if (!opaque_) responses_.finish();
}

void Http1Parser::on_closed(base::BootTime) {
  if (opaque_) return;
  responses_.finish();
  pairing_.drop_all(model::IncompleteReason::no_answer);
  opaque_ = true;
}

void Http1Parser::on_request(Request&& request) {
  if (opaque_) return;  // behind the one that made it so, in the same bytes
  invalid_heads_ = 0;
  if (explained_until_ && request.send_position <= *explained_until_) {
    pairing_.count_incomplete(model::IncompleteReason::gap);
    give_up(model::IncompleteReason::gap);
    return;
  }
  explained_until_.reset();
  if (pairing_.size() >= kMaxPending) {
    pairing_.count_incomplete(model::IncompleteReason::limit);
    give_up(model::IncompleteReason::limit);
    return;
  }
  if (!responses_.on_request(request.send_position)) {
    pairing_.count_incomplete(model::IncompleteReason::gap);
    return;
  }
  pairing_.push(std::move(request));
  // The requests that we missed may still wait for answers in front of these.
  if (pairing_.pipelined() && missed_requests_) give_up(model::IncompleteReason::gap);
}

void Http1Parser::on_request_body(std::uint64_t sequence, std::uint64_t bytes) {
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

void Http1Parser::on_invalid_request() {
  count_invalid(1);
  on_framing_lost();
}

bool Http1Parser::may_begin(std::uint64_t send_position) const {
  return pairing_.empty() || send_position > pairing_.back().send_position;
}

void Http1Parser::count_invalid(std::size_t heads) {
  invalid_heads_ += heads;
  if (invalid_heads_ >= kMaxInvalidHeads) give_up(model::IncompleteReason::gap);
}

// RFC 9110 §7.8 and §9.3.6: what waits behind an upgrade or CONNECT was never a request.
void Http1Parser::check_tunnel() {
  if (responses_.tunnel()) opaque_ = true;
}

void Http1Parser::give_up(model::IncompleteReason reason) {
  if (opaque_) return;
  opaque_ = true;
  responses_.finish();
  pairing_.drop_all(reason);
}

}  // namespace beyla::protocols::http1
