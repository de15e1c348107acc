#include "protocols/http1/pairing.h"

#include <string>
#include <utility>

#include "protocols/http1/methods.h"
#include "protocols/http2/grpc.h"

namespace beyla::protocols::http1 {

Pairing::Pairing(const model::ConnectionInfo& connection, model::ExchangeSink& sink)
    : connection_(connection), sink_(sink) {}

Request Pairing::pop() {
  Request request = std::move(waiting_[first_]);
  ++first_;
  if (empty()) {
    waiting_.clear();
    first_ = 0;
  } else if (first_ > kMaxPending) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  return request;
}

void Pairing::push(Request&& request) {
  if (!empty() && back().answer_position == request.answer_position) pipelined_ = true;
  waiting_.push_back(std::move(request));
}

bool Pairing::set_body_bytes(std::uint64_t sequence, std::optional<std::uint64_t> bytes) {
  if (empty() || back().sequence != sequence) return false;
  waiting_.back().body_bytes = bytes;
  return true;
}

// A request that came before that was not waiting for it.
void Pairing::on_answered(std::uint64_t position) {
  if (!empty() && front().answer_position < position) pipelined_ = true;
}

void Pairing::drop_all(model::IncompleteReason reason) {
  while (!empty()) drop_front(reason);
}

void Pairing::drop_older(std::uint64_t position) {
  while (size() > 1 && front().answer_position < position) {
    drop_front(model::IncompleteReason::gap);
  }
}

void Pairing::drop_front(model::IncompleteReason reason) { count_incomplete(pop(), reason); }

model::Exchange Pairing::exchange_of(Request&& request) const {
  model::Exchange exchange;
  exchange.request = request.id;
  exchange.connection = connection_.id;
  exchange.process = request.process;
  exchange.role = connection_.role;
  exchange.local = connection_.local;
  exchange.remote = connection_.remote;
  exchange.arrival = request.arrival;
  exchange.received = request.received;
  exchange.request_body_bytes = request.body_bytes;
  exchange.to_http2 = request.to_http2;
  exchange.semantics.operation = request.operation;
  exchange.semantics.target = std::move(request.path);
  return exchange;
}

void Pairing::emit(Request&& request, std::uint16_t status_code,
                   std::optional<std::uint32_t> grpc_status, base::BootTime end) {
  if (!request.counts) return;
  model::Exchange exchange = exchange_of(std::move(request));
  exchange.end = end;
  model::Semantics& semantics = exchange.semantics;
  semantics.outcome = std::to_string(grpc_status.value_or(status_code));
  if (grpc_status) {
    semantics.family = model::MetricFamily::rpc;
    semantics.operation = std::exchange(semantics.target, {});
    // As of calls over HTTP/2, see emit() of http2/streams.cpp.
    if (connection_.role == model::Role::server && *grpc_status == http2::kGrpcUnimplemented) {
      semantics.target = std::exchange(semantics.operation, std::string(kOtherMethod));
    }
  }
  sink_.on_exchange(std::move(exchange));
}

void Pairing::count_incomplete(const Request& request, model::IncompleteReason reason) {
  if (!request.counts) return;
  const model::Exchange unanswered = exchange_of(Request(request));
  sink_.on_incomplete({request.process, connection_.role, reason, now_, request.id, &unanswered});
}

}  // namespace beyla::protocols::http1
