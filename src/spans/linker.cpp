#include "spans/linker.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace beyla::spans {

using model::CallKind;
using model::IncompleteReason;
using model::RequestId;
using model::Role;

namespace {

// Of a span as a process has received it; two that meet are of no consequence.
std::uint64_t parent_key_of(const model::ProcessKey& process, const model::SpanId& span) {
  std::uint64_t word = 0;
  static_assert(sizeof(word) == sizeof(span));
  std::memcpy(&word, span.data(), sizeof(word));
  return word ^ model::ProcessKeyHash{}(process);
}

}  // namespace

RequestId Linker::on_begun(const model::RequestBegun& begun) {
  static_cast<void>(sink_.on_begun(begun));
  const RequestId id = requests_.add();
  if (id == 0) {
    counters_.over_limit.add();
    return 0;
  }
  OpenRequest& request = *requests_.find(id);
  request.process = begun.process;
  request.role = begun.role;
  request.connection = begun.connection;
  request.begun = begun.time;
  give_trace(request, begun);
  if (begun.role != Role::server) return id;
  if (begun.incoming) {
    request.received_parent = parent_key_of(begun.process, begun.incoming->span_id);
    if (request.received_parent != 0) received_parents_.set(request.received_parent, id);
  }
  if (!begun.origin) {
    enqueue(id, request);
  } else if (GoProcess* process = go_process(begun.process)) {
    serve(*process, id, request, *begun.origin, begun.time);
  }
  return id;
}

// What a client sends names its own span, given by a library inside: that is this span then, so
// that the server's is its child. A server's request names the span of who asked, and so does what
// is sent by a proxy that only hands on what it received.
bool Linker::names_itself(const model::RequestBegun& begun) const {
  if (!begun.incoming || begun.role != Role::client) return false;
  return !received_parents_.find(parent_key_of(begun.process, begun.incoming->span_id));
}

void Linker::give_trace(OpenRequest& request, const model::RequestBegun& begun) {
  model::TraceContext& trace = request.trace;
  const model::TraceContext* parent = nullptr;
  if (begun.role == Role::client && begun.origin) {
    if (GoProcess* process = go_process(begun.process)) {
      parent = find_parent(*process, *begun.origin, begun.time);
    }
  }
  if (begun.incoming) {
    trace.trace_id = begun.incoming->trace_id;
    trace.sampled = begun.incoming->sampled;
    if (parent != nullptr && parent->trace_id != trace.trace_id) parent = nullptr;
  } else if (parent != nullptr) {
    trace.trace_id = parent->trace_id;
    trace.sampled = parent->sampled;
  } else {
    trace.trace_id = random_.trace_id();
  }
  const bool is_named = names_itself(begun);
  trace.span_id = is_named ? begun.incoming->span_id : random_.span_id();
  if (parent != nullptr) {
    trace.parent_span_id = parent->span_id;
  } else if (begun.incoming && !is_named) {
    trace.parent_span_id = begun.incoming->span_id;
  }
}

void Linker::on_exchange(model::Exchange&& exchange) {
  const RequestId id = exchange.request;
  if (OpenRequest* request = requests_.find(id)) {
    exchange.trace = request->trace;
    const bool is_http = exchange.semantics.family == model::MetricFamily::http;
    if (is_http && !request->route.empty()) exchange.semantics.route = request->route;
    end(id);
  } else {
    exchange.trace.trace_id = random_.trace_id();
    exchange.trace.span_id = random_.span_id();
  }
  sink_.on_exchange(std::move(exchange));
}

// net/http answers a panic by closing the connection, at once. What is closed later had a handler
// that recovered and went on, and a client that did not wait for what it would have said.
void Linker::on_incomplete(const model::Incomplete& request) {
  const OpenRequest* open = requests_.find(request.request);
  const bool panicked =
      open != nullptr && open->panicked && request.time - *open->panicked <= kCloseAfterPanic &&
      request.reason == IncompleteReason::no_answer && request.unanswered != nullptr;
  if (panicked) {
    constexpr std::string_view kOutcome = "500";
    model::Exchange exchange = *request.unanswered;
    exchange.end = request.time;
    exchange.semantics.outcome = kOutcome;
    on_exchange(std::move(exchange));
    return;
  }
  if (open != nullptr) end(request.request);
  sink_.on_incomplete(request);
}

void Linker::on_withdrawn(const model::Withdrawn& request) {
  remove(request.request);
  sink_.on_withdrawn(request);
}

void Linker::end(RequestId id) {
  const OpenRequest& request = *requests_.find(id);
  if (request.goroutine_key != 0) keep_ended(request, id);
  remove(id);
}

// By its goroutine only, see parent_by_context().
void Linker::keep_ended(const OpenRequest& request, RequestId id) {
  forget_ended(now_);
  GoProcess* process = find_process(request.process);
  if (process == nullptr) return;
  const std::uint64_t number = kEnded | (first_ended_ + ended_.size());
  process->request_by_goroutine.replace(request.goroutine_key, id, number);
  ended_.push_back({request.process, request.goroutine_key, request.trace, request.begun,
                    request.newest_goroutine, now_});
}

void Linker::forget_ended(base::BootTime now) {
  while (!ended_.empty() &&
         (now - ended_.front().time > kKeepEnded || ended_.size() >= kMaxEnded)) {
    const Ended& oldest = ended_.front();
    if (GoProcess* process = find_process(oldest.process)) {
      process->request_by_goroutine.erase(oldest.goroutine_key, kEnded | first_ended_);
    }
    ended_.pop_front();
    ++first_ended_;
  }
}

void Linker::remove(RequestId id) {
  OpenRequest* request = requests_.find(id);
  if (request == nullptr) return;
  if (request->in_queue) leave_queue(*request, OpenRequests::index_of(id));
  received_parents_.erase(request->received_parent, id);
  if (request->goroutine_key != 0 || request->context != 0) {
    if (GoProcess* process = find_process(request->process)) {
      process->request_by_goroutine.erase(request->goroutine_key, id);
      process->request_by_context.erase(request->context, id);
    }
  }
  requests_.remove(id);
}

void Linker::on_call(const model::FunctionCall& call) {
  now_ = call.time;
  GoProcess* process = go_process(call.process);
  if (process == nullptr) return;
  process->called = call.time;
  switch (call.kind) {
    case CallKind::http1_begin: return begin_http1(*process, call);
    case CallKind::route: return take_route(*process, call);
    case CallKind::panic: return panic(*process, call);
    default: return;
  }
}

void Linker::on_exited(const model::ProcessKey& key, base::BootTime time) {
  if (GoProcess* process = find_process(key)) process->exited = time;
}

void Linker::expire(base::BootTime now) {
  now_ = std::max(now_, now);
  forget_ended(now_);
  const bool is_full = processes_.size() >= kMaxGoProcesses;
  for (auto place = processes_.begin(); place != processes_.end();) {
    const auto& [key, process] = *place++;
    const bool is_over = process.exited ? now - *process.exited > kKeepAfterExit
                                        : is_full && now - process.called > kKeepSilent;
    if (is_over) drop_process(model::ProcessKey(key));
  }
}

}  // namespace beyla::spans
