// Of CallTable: requests that the process sends.
#include <algorithm>
#include <utility>

#include "protocols/calls/call_table.h"
#include "protocols/calls/semantics.h"
#include "protocols/http1/methods.h"

namespace beyla::protocols::calls {

using model::FunctionCall;
using model::IncompleteReason;
using model::MetricFamily;
using model::Role;

namespace {

constexpr std::string_view kDefaultMethod = "GET";  // net/http.Request.Method, when empty

std::string outcome_of(const FunctionCall& call) {
  return call.failed ? std::string{} : status_text(call.status);
}

// An id is never given twice, an address is.
bool is_other_goroutine(const model::CallOrigin& a, const model::CallOrigin& b) {
  return a.goroutine_id != 0 && b.goroutine_id != 0 && a.goroutine_id != b.goroutine_id;
}

}  // namespace

void CallTable::count_client(const model::ProcessKey& process) { ++clients_[process]; }

void CallTable::uncount_client(const model::ProcessKey& process) {
  const auto found = clients_.find(process);
  if (found != clients_.end() && --found->second == 0) clients_.erase(found);
}

// It begins at once, so that its parent is looked for while that is there; where a socket's parser
// sees it, too, it is withdrawn.
void CallTable::begin_client(const FunctionCall& call) {
  make_room_on_goroutine(call);
  OpenCall& open = add(call, CallFamily::client, Role::client);
  count_client(call.process);
  const std::string_view method = call.method.empty() ? kDefaultMethod : call.method;
  open.exchange.semantics.operation = http1::operation_of(method);
  open.exchange.semantics.target = call.target.empty() ? "/" : path_in(call.target);
  open.exchange.server_name = server_in(call.name);
  open.https = call.tls;
  begin(open);
}

// The newest on the call's goroutine; those of an earlier one at its address have ended unseen.
OpenCall* CallTable::newest_client(const FunctionCall& call) {
  OpenCall* open = open_.find_on(call.process, CallFamily::client, call.origin.goroutine);
  while (open != nullptr && is_other_goroutine(open->origin, call.origin)) {
    end_stale(*open, call.time);
    open = open_.find_on(call.process, CallFamily::client, call.origin.goroutine);
  }
  return open;
}

// While one runs the goroutine may ask again, for a proxy; but not without end.
void CallTable::make_room_on_goroutine(const FunctionCall& call) {
  OpenCall* open = newest_client(call);
  for (std::size_t depth = 1; open != nullptr && open->below != nullptr; ++depth) {
    open = open->below;
    if (depth + 1 >= kMaxNestedCalls) return end_stale(*open, call.time);
  }
}

// A request with a body is sent as a copy of the one that began; on the same goroutine.
void CallTable::link_client(const FunctionCall& call) {
  OpenCall* open = open_.find({call.process, call.call, CallFamily::client});
  if (open == nullptr) open = newest_client(call);
  if (open == nullptr) counters_.unmatched_ends.add();
  Link link{call.origin, {}, 0};
  if (open != nullptr) {
    open->linked = true;
    open->plain = !open->https && !call.tls;
    open->exchange.connection = call.connection;
    if (const auto* connection = connections_.find(call.connection)) {
      open->exchange.local = connection->local;
      open->exchange.remote = connection->remote;
    }
    link = {open->origin, open->key, open->serial};
  }
  const bool plain = open != nullptr ? open->plain : !call.tls;
  if (!plain || call.connection == 0) return;
  if (links_.size() >= kMaxLinks && !links_.contains(call.connection)) {
    counters_.over_limit.add();
    if (open == nullptr) return;
    open->seen_on_socket = true;  // better none than two
    withdraw(*open);
    return;
  }
  links_[call.connection] = link;
}

void CallTable::end_client(const FunctionCall& call) {
  watch_.ended({call.process, CallFamily::client});
  OpenCall* open = newest_client(call);
  if (open == nullptr) return counters_.unmatched_ends.add();
  OpenCall* below = open->below;
  if (owns(*open)) {
    finish(*open, outcome_of(call), call.time);
  } else if (open->seen_on_socket || open->withdrawn) {
    remove(*open);
  } else {
    settle(*open, outcome_of(call), call.time);
  }
  if (below != nullptr && ++below->ends_above >= kMaxEndsAbove) end_stale(*below, call.time);
}

// No parser of a socket can see it: https, or by way of a TLS proxy.
bool CallTable::owns(const OpenCall& client) {
  return !client.withdrawn && (client.https || (client.linked && !client.plain));
}

// A parser of a socket sees it: once is enough.
void CallTable::withdraw(OpenCall& call) {
  if (!call.begun || std::exchange(call.withdrawn, true)) return;
  sink_.on_withdrawn({call.key.process, call.exchange.role, call.exchange.request});
}

// A request of plain HTTP/1 belongs to the socket's parser, which may see it a moment later.
void CallTable::settle(OpenCall& open, std::string outcome, base::BootTime end) {
  if (settling_.size() >= kMaxSettling) settle_all(base::BootTime::max());
  OpenCall call = std::move(open);
  call.due = end + kSettleTime;
  call.due_outcome = std::move(outcome);
  call.due_end = end;
  open_.remove(open);  // it is a client of the process until it has settled
  const std::uint64_t serial = call.serial;
  settling_.emplace(serial, std::move(call));
}

void CallTable::settle_all(base::BootTime now) {
  std::vector<OpenCall> over;
  std::erase_if(settling_, [&](auto& entry) {
    if (now < *entry.second.due) return false;
    over.push_back(std::move(entry.second));
    return true;
  });
  // Each takes the first request that it may have sent: what is left are those no socket has seen.
  std::ranges::sort(over, {},
                    [](const OpenCall& call) { return std::pair(call.due_end, call.serial); });
  for (OpenCall& call : over) end_settled(std::move(call));
}

void CallTable::end_settled(OpenCall&& call) {
  const bool on_socket = call.seen_on_socket || take_unlinked(call);
  uncount_client(call.key.process);
  if (on_socket) return withdraw(call);
  call.exchange.semantics.outcome = std::move(call.due_outcome);
  call.exchange.end = std::max(call.due_end, call.exchange.received);
  sink_.on_exchange(std::move(call.exchange));
}

// A request without link that the process sent while the call lasted: where links are lost, or
// their probe is not there.
bool CallTable::take_unlinked(const OpenCall& call) {
  if (call.linked && call.exchange.connection != 0) return false;
  const auto found = std::ranges::find_if(unlinked_, [&call](const Unlinked& request) {
    return request.process == call.key.process && request.time >= call.exchange.received &&
           request.time <= call.due_end;
  });
  if (found == unlinked_.end()) return false;
  unlinked_.erase(found);
  return true;
}

model::RequestId CallTable::on_begun(const model::RequestBegun& begun) {
  if (begun.role != Role::client) return sink_.on_begun(begun);
  const auto found = links_.find(begun.connection);
  if (found == links_.end()) {
    if (clients_.contains(begun.process)) {
      if (unlinked_.size() >= kMaxUnlinked) unlinked_.pop_front();
      unlinked_.push_back({begun.process, begun.time});
    }
    return sink_.on_begun(begun);
  }
  model::RequestBegun known = begun;
  known.origin = found->second.origin;
  see_on_socket(found->second);
  links_.erase(found);
  return sink_.on_begun(known);
}

void CallTable::see_on_socket(const Link& link) {
  if (link.serial == 0) return;
  if (const auto settling = settling_.find(link.serial); settling != settling_.end()) {
    settling->second.seen_on_socket = true;
    withdraw(settling->second);
    return;
  }
  OpenCall* open = open_.find(link.key);
  if (open == nullptr || open->serial != link.serial) return;
  open->seen_on_socket = true;
  withdraw(*open);
}

// One that waits for its next attempt goes on.
void CallTable::begin_grpc_client(const FunctionCall& call) {
  OpenCall* before = open_.find({call.process, call.call, CallFamily::grpc_client});
  if (before != nullptr && before->due) {
    before->due.reset();
    return;
  }
  OpenCall& open = add(call, CallFamily::grpc_client, Role::client);
  open.exchange.semantics.family = MetricFamily::rpc;
  open.exchange.semantics.operation = path_in(call.target);
  open.exchange.server_name = server_in(call.name);
  begin(open);
}

// Not every call that failed is finished by gRPC: nobody does when no connection was made.
void CallTable::retry_grpc_client(const FunctionCall& call) {
  if (OpenCall* open = match(call, CallFamily::grpc_client)) {
    end_later(*open, std::to_string(call.status), call.time);
  }
}

void CallTable::end_grpc_client(const FunctionCall& call) {
  watch_.ended({call.process, CallFamily::grpc_client});
  if (OpenCall* open = match(call, CallFamily::grpc_client)) {
    finish(*open, std::to_string(call.status), call.time);
  }
}

}  // namespace beyla::protocols::calls
