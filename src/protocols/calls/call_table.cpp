#include "protocols/calls/call_table.h"

#include <algorithm>
#include <utility>

namespace beyla::protocols::calls {

using model::CallKind;
using model::FunctionCall;
using model::IncompleteReason;

void CallTable::on_opened(const model::ConnectionOpened& event) {
  connections_.add(event.connection, event.process);
}

void CallTable::on_closed(const model::ConnectionClosed& event) {
  connections_.remove(event.connection);
  if (!links_.empty()) links_.erase(event.connection);
}

void CallTable::on_call(const FunctionCall& call) {
  switch (call.kind) {
    case CallKind::http1_begin: return begin_http1(call);
    case CallKind::http1_end: return end_http1(call);
    case CallKind::http2_begin: return begin_http2(call);
    case CallKind::http2_end: return end_http2(call);
    case CallKind::http2_panic: return panic_http2(call);
    case CallKind::grpc_begin: return begin_grpc(call);
    case CallKind::grpc_end: return end_grpc(call);
    case CallKind::client_begin: return begin_client(call);
    case CallKind::client_link: return link_client(call);
    case CallKind::client_end: return end_client(call);
    case CallKind::grpc_client_begin: return begin_grpc_client(call);
    case CallKind::grpc_client_retry: return retry_grpc_client(call);
    case CallKind::grpc_client_end: return end_grpc_client(call);
    case CallKind::panic: return panic(call);
    case CallKind::hijack: return hijack(call);
    case CallKind::trace_parent: return keep_trace_parent(call);
    case CallKind::route: return;  // of who gives the requests their traces
  }
}

// What of the same name is still open was lost: the process would not use the name twice.
OpenCall& CallTable::add(const FunctionCall& call, CallFamily family, model::Role role) {
  const CallKey key{call.process, call.call, family};
  if (OpenCall* before = open_.find(key)) end_stale(*before, call.time);
  if (open_.full()) {
    counters_.over_limit.add();
    give_up(*open_.oldest(), IncompleteReason::limit, call.time);
  }
  OpenCall open;
  open.key = key;
  open.origin = call.origin;
  open.owner = call.owner;
  open.stream = family == CallFamily::http2 ? call.status : 0;
  open.exchange.process = call.process;
  open.exchange.role = role;
  open.exchange.received = call.time;
  open.exchange.request_body_bytes = call.request_bytes;
  return open_.add(std::move(open));
}

void CallTable::begin(OpenCall& open) {
  model::RequestBegun begun;
  begun.process = open.key.process;
  begun.role = open.exchange.role;
  begun.connection = open.exchange.connection;
  begun.time = open.exchange.received;
  begun.incoming = open.incoming;
  begun.origin = open.origin;
  open.exchange.request = sink_.on_begun(begun);
  open.begun = true;
}

void CallTable::finish(OpenCall& open, std::string outcome, base::BootTime end) {
  model::Exchange exchange = std::move(open.exchange);
  exchange.semantics.outcome = std::move(outcome);
  exchange.end = std::max(end, exchange.received);
  remove(open);
  sink_.on_exchange(std::move(exchange));
}

void CallTable::give_up(OpenCall& open, IncompleteReason reason, base::BootTime time) {
  // What a parser of a socket may have seen, it has counted.
  if (open.key.family == CallFamily::client && !owns(open)) withdraw(open);
  const model::Incomplete request{open.key.process, open.exchange.role, reason, time,
                                  open.exchange.request};
  const bool counts = open.begun && !open.withdrawn;
  remove(open);
  if (counts) sink_.on_incomplete(request);
}

// Its end was lost, or it had one already.
void CallTable::end_stale(OpenCall& open, base::BootTime time) {
  if (open.aborted) {
    give_up(open, IncompleteReason::no_answer, time);
  } else if (open.due) {
    finish(open, std::move(open.due_outcome), open.due_end);
  } else {
    count_missed(open, time);
    give_up(open, IncompleteReason::gap, time);
  }
}

void CallTable::count_missed(const OpenCall& open, base::BootTime time) {
  counters_.missed_ends.add();
  const BlindCalls calls{open.key.process, open.key.family};
  if (!watch_.missed(calls, time)) return;
  counters_.blind.add();
  blind_.push_back(calls);
}

void CallTable::end_later(OpenCall& open, std::string outcome, base::BootTime time) {
  open.due = time + kMaxSilence;
  open.due_outcome = std::move(outcome);
  open.due_end = time;
  has_due_ = true;
}

void CallTable::remove(OpenCall& open) {
  if (open.key.family == CallFamily::client) uncount_client(open.key.process);
  open_.remove(open);
}

// The call that this one ends, or belongs to.
OpenCall* CallTable::match(const FunctionCall& call, CallFamily family) {
  OpenCall* open = open_.find({call.process, call.call, family});
  if (open == nullptr) counters_.unmatched_ends.add();
  return open;
}

void CallTable::on_exited(const model::ProcessKey& key, base::BootTime time) {
  exited_[key] = time;  // records of it may still come
}

void CallTable::tidy(base::BootTime now) {
  settle_all(now);
  end_upgrades(now - kSettleTime);
  std::erase_if(unlinked_,
                [this](const Unlinked& request) { return !clients_.contains(request.process); });
  trace_parents_.expire(now);
  if (has_due_) end_silent(now);
  if (!exited_.empty()) end_of_dead(now);
}

void CallTable::end_silent(base::BootTime now) {
  has_due_ = false;
  open_.for_each([this, now](OpenCall& open) {
    if (!open.due) return;
    if (now >= *open.due) {
      end_stale(open, now);
    } else {
      has_due_ = true;
    }
  });
}

void CallTable::end_of_dead(base::BootTime now) {
  const auto is_over = [&](const OpenCall& open) {
    const auto exit = exited_.find(open.key.process);
    return exit != exited_.end() && now - exit->second > kKeepAfterExit;
  };
  open_.for_each([&](OpenCall& open) {
    if (!is_over(open)) return;
    if (open.due) {
      end_stale(open, now);
    } else {
      give_up(open, IncompleteReason::no_answer, now);
    }
  });
  std::erase_if(exited_, [&](const auto& exit) {
    if (now - exit.second <= kKeepAfterExit) return false;
    watch_.forget(exit.first);
    return true;
  });
}

void CallTable::flush(base::BootTime now) {
  settle_all(base::BootTime::max());
  end_upgrades(base::BootTime::max());
  open_.for_each([this, now](OpenCall& open) {
    if (open.due) {
      end_stale(open, now);
    } else {
      give_up(open, IncompleteReason::no_answer, now);
    }
  });
  has_due_ = false;
  links_.clear();
  unlinked_.clear();
}

}  // namespace beyla::protocols::calls
