// Of CallTable: whose are the requests of HTTP/2 in clear text, which both a parser of the socket
// and a probe in the process can see. The process's, from its first call on: it knows the route and
// who asks, and a begin of it comes between the request and its answer. What the parser had begun
// before is withdrawn when it ends.
#include <utility>

#include "protocols/calls/call_table.h"

namespace beyla::protocols::calls {

using model::CallKind;
using model::Role;

void CallTable::note_teller(const model::FunctionCall& call) {
  const bool serves = call.kind == CallKind::http2_begin || call.kind == CallKind::grpc_begin;
  if (!serves && call.kind != CallKind::grpc_client_begin) return;
  if (tellers_.size() >= kMaxTellers && !tellers_.contains(call.process)) return;
  Tells& tells = tellers_[call.process];
  (serves ? tells.served : tells.called) = true;
}

// What net/http asks by HTTP/2 is its socket's, as that of HTTP/1: see client_calls.cpp.
bool CallTable::is_told(const model::ProcessKey& process, Role role, bool is_rpc) const {
  if (tellers_.empty()) return false;
  const auto tells = tellers_.find(process);
  if (tells == tellers_.end()) return false;
  return role == Role::client ? is_rpc && tells->second.called : tells->second.served;
}

void CallTable::on_exchange(model::Exchange&& exchange) {
  const bool is_rpc = exchange.semantics.family == model::MetricFamily::rpc;
  if (exchange.is_http2 && is_told(exchange.process, exchange.role, is_rpc)) {
    return sink_.on_withdrawn({exchange.process, exchange.role, exchange.request});
  }
  if (exchange.to_http2 && exchange.role == Role::server) return keep_upgrade(std::move(exchange));
  sink_.on_exchange(std::move(exchange));
}

void CallTable::on_incomplete(const model::Incomplete& request) {
  const model::Exchange* const exchange = request.unanswered;
  if (exchange != nullptr && exchange->is_http2) {
    const bool is_rpc = exchange->semantics.family == model::MetricFamily::rpc;
    if (is_told(request.process, request.role, is_rpc)) {
      return sink_.on_withdrawn({request.process, request.role, request.request});
    }
  }
  sink_.on_incomplete(request);
}

}  // namespace beyla::protocols::calls
