// Of CallTable: requests that the process serves.
#include <algorithm>
#include <utility>

#include "protocols/calls/call_table.h"
#include "protocols/calls/endpoint_text.h"
#include "protocols/calls/semantics.h"
#include "protocols/http1/methods.h"
#include "protocols/http1/trace_parent.h"

namespace beyla::protocols::calls {

using model::FunctionCall;
using model::IncompleteReason;
using model::MetricFamily;

namespace {

constexpr std::string_view kPanicOutcome = "500";
constexpr std::string_view kUpgradeOutcome = "101";
constexpr std::string_view kTunnelOutcome = "200";
constexpr std::uint32_t kUnimplemented = 12;  // google.golang.org/grpc/codes

// Begins and ends may bring it; of both the end is right.
void take_http(model::Exchange& exchange, const FunctionCall& call) {
  if (!call.method.empty()) exchange.semantics.operation = http1::operation_of(call.method);
  if (!call.target.empty()) exchange.semantics.target = path_in(call.target);
  if (call.request_bytes) exchange.request_body_bytes = call.request_bytes;
}

bool is_same_goroutine(const model::CallOrigin& a, const model::CallOrigin& b) {
  return a.goroutine_id == 0 || b.goroutine_id == 0 || a.goroutine_id == b.goroutine_id;
}

}  // namespace

// A goroutine serves one request at a time: another that is open on it has ended unseen.
void CallTable::begin_http1(const FunctionCall& call) {
  if (OpenCall* before = open_.find_on(call.process, CallFamily::http1, call.origin.goroutine)) {
    end_stale(*before, call.time);
  }
  if (!call.tls) return;
  OpenCall& open = add(call, CallFamily::http1, model::Role::server);
  open.incoming = trace_parents_.take({call.process, 0, call.call}, call.time);
  open.exchange.semantics.operation = http1::kOtherMethod;
  take_http(open.exchange, call);
  take_peer(open, call);
  begin(open);
}

void CallTable::end_http1(const FunctionCall& call) {
  watch_.ended({call.process, CallFamily::http1});
  OpenCall* open = open_.find({call.process, call.call, CallFamily::http1});
  if (open == nullptr) return sink_.on_unpaired();
  take_http(open->exchange, call);
  take_peer(*open, call);
  finish(*open, status_text(call.status), call.time);
}

// RFC 7540 section 3.2: the request that was upgraded is stream 1. Where that is seen, too, it has
// the answer.
void CallTable::on_exchange(model::Exchange&& exchange) {
  if (!exchange.to_http2 || exchange.role != model::Role::server) {
    return sink_.on_exchange(std::move(exchange));
  }
  if (upgraded_.size() >= kMaxUpgraded) end_upgrades(base::BootTime::max());
  upgraded_.push_back(std::move(exchange));
}

// A stream 1 of another connection of the process may come first: there is one for each all the
// same.
void CallTable::withdraw_upgrade(const FunctionCall& call) {
  const auto found = std::ranges::find(upgraded_, call.process, &model::Exchange::process);
  if (found == upgraded_.end()) return;
  sink_.on_withdrawn({found->process, found->role, found->request});
  upgraded_.erase(found);
}

// Nobody saw what they became.
void CallTable::end_upgrades(base::BootTime before) {
  while (!upgraded_.empty() && upgraded_.front().end <= before) {
    sink_.on_exchange(std::move(upgraded_.front()));
    upgraded_.pop_front();
  }
}

// A goroutine serves one stream: another that is open on it has ended unseen.
void CallTable::begin_http2(const FunctionCall& call) {
  if (call.status == 1) withdraw_upgrade(call);
  if (OpenCall* before = open_.find_on(call.process, CallFamily::http2, call.origin.goroutine)) {
    end_stale(*before, call.time);
  }
  if (OpenCall* before = open_.find_stream(call.process, call.owner, call.status)) {
    end_stale(*before, call.time);
  }
  OpenCall& open = add(call, CallFamily::http2, model::Role::server);
  open.incoming = trace_parents_.take({call.process, call.owner, call.status}, call.time);
  open.exchange.semantics.operation = http1::kOtherMethod;
  take_http(open.exchange, call);
  take_peer(open, call);
  begin(open);
}

void CallTable::end_http2(const FunctionCall& call) {
  watch_.ended({call.process, CallFamily::http2});
  OpenCall* open = open_.find({call.process, call.call, CallFamily::http2});
  if (open == nullptr) return sink_.on_unpaired();
  if (open->withdrawn) return remove(*open);
  take_http(open->exchange, call);
  take_peer(*open, call);
  if (!open->grpc_code) return finish(*open, status_text(call.status), call.time);
  model::Semantics& semantics = open->exchange.semantics;
  semantics.family = MetricFamily::rpc;
  semantics.operation = std::exchange(semantics.target, {});
  finish_grpc(*open, *open->grpc_code, call.time);
}

// The stream is reset: net/http's handlerDone does not run.
void CallTable::panic_http2(const FunctionCall& call) {
  OpenCall* open = open_.find_stream(call.process, call.owner, call.status);
  if (open == nullptr) return counters_.unmatched_ends.add();
  if (open->withdrawn) return remove(*open);
  if (open->aborted) return give_up(*open, IncompleteReason::no_answer, call.time);
  take_http(open->exchange, call);
  take_peer(*open, call);
  finish(*open, std::string(kPanicOutcome), call.time);
}

// Whoever recovers goes on to the end; else net/http closes the connection and no end comes, or
// resets the stream, which is all that http2_panic says.
void CallTable::panic(const FunctionCall& call) {
  if (OpenCall* stream = open_.find({call.process, call.call, CallFamily::http2})) {
    stream->aborted = call.failed;
    take_http(stream->exchange, call);
    take_peer(*stream, call);
    return;
  }
  OpenCall* open = open_.find_on(call.process, CallFamily::http1, call.origin.goroutine);
  if (open == nullptr || !is_same_goroutine(open->origin, call.origin)) return;
  take_http(open->exchange, call);
  take_peer(*open, call);
  open->aborted = call.failed;
  end_later(*open, std::string(kPanicOutcome), call.time);
}

// From here on the handler writes by itself, on a connection that nobody can read: what HTTP knows
// of that is a change of protocols (RFC 9110 section 15.2.2) and a tunnel (section 9.3.6).
void CallTable::hijack(const FunctionCall& call) {
  OpenCall* open = open_.find({call.process, call.call, CallFamily::http1});
  if (open == nullptr) return;
  take_http(open->exchange, call);
  take_peer(*open, call);
  finish(*open, std::string(call.method == "CONNECT" ? kTunnelOutcome : kUpgradeOutcome),
         call.time);
}

// Trailers have a stream that has begun: they say nothing of the next request that has its name.
void CallTable::keep_trace_parent(const FunctionCall& call) {
  if (open_.find_stream(call.process, call.owner, call.status) != nullptr) return;
  const auto parent = http1::parse_trace_parent(trace_parent_in(call));
  if (!parent) return;
  const std::uint64_t name = call.owner != 0 ? call.status : call.call;
  if (!trace_parents_.keep({call.process, call.owner, name}, *parent, call.time)) {
    counters_.over_limit.add();
  }
}

void CallTable::begin_grpc(const FunctionCall& call) {
  OpenCall* http = absorb_outer(call);
  auto incoming = http != nullptr
                      ? http->incoming
                      : trace_parents_.take({call.process, call.owner, call.status}, call.time);
  OpenCall& open = add(call, CallFamily::grpc, model::Role::server);
  open.incoming = incoming;
  open.exchange.semantics.family = MetricFamily::rpc;
  open.exchange.semantics.operation = path_in(call.target);
  take_peer(open, call);
  begin(open);
}

void CallTable::end_grpc(const FunctionCall& call) {
  watch_.ended({call.process, CallFamily::grpc});
  OpenCall* http = nullptr;
  if (call.in_http) http = open_.find({call.process, call.origin.context, CallFamily::http2});
  OpenCall* open = open_.find({call.process, call.call, CallFamily::grpc});
  if (open == nullptr) {
    if (http == nullptr || http->withdrawn) return counters_.unmatched_ends.add();
    if (!http->grpc_code) http->grpc_code = call.status;
    return;
  }
  if (http != nullptr) absorb(*http);
  take_peer(*open, call);
  finish_grpc(*open, call.status, call.time);
}

// What the client calls a method may be anything; OpenTelemetry wants _OTHER for one that the
// server does not know, and its name in the span only (semantic conventions of RPC, rpc.method).
void CallTable::finish_grpc(OpenCall& open, std::uint32_t code, base::BootTime end) {
  model::Semantics& semantics = open.exchange.semantics;
  if (code == kUnimplemented) {
    semantics.target = std::exchange(semantics.operation, std::string(http1::kOtherMethod));
  }
  finish(open, std::to_string(code), end);
}

// A gRPC call that net/http answers has a context of that request. When the client gives up, the
// handler of net/http may return before gRPC's end tells so.
OpenCall* CallTable::absorb_outer(const FunctionCall& call) {
  for (const std::uint64_t context : call.origin.ancestors) {
    if (context == 0) return nullptr;
    if (OpenCall* http = open_.find_http2_of(call.process, context)) {
      absorb(*http);
      return http;
    }
  }
  return nullptr;
}

// One request, seen by net/http and by gRPC: it counts as the latter. Its end will come.
void CallTable::absorb(OpenCall& http) {
  if (std::exchange(http.withdrawn, true)) return;
  sink_.on_withdrawn({http.key.process, http.exchange.role, http.exchange.request});
}

void CallTable::take_peer(OpenCall& open, const FunctionCall& call) {
  const auto remote = call.remote ? call.remote : parse_endpoint(call.name);
  if (!remote) return;
  open.exchange.remote = *remote;
  const auto* connection = connections_.find_served(call.process, *remote);
  if (connection == nullptr) return;
  open.exchange.connection = connection->id;
  open.exchange.local = connection->local;
}

}  // namespace beyla::protocols::calls
