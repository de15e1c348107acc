// Of Linker: which request a call belongs to.
#include "spans/linker.h"
#include "spans/route_text.h"

namespace beyla::spans {

namespace {

// A goroutine's id where it is known, else its address; the two cannot be taken for each other.
std::uint64_t key_of_id(std::uint64_t id) { return id == 0 ? 0 : (id << 1U) | 1U; }
std::uint64_t goroutine_key_of(const model::CallOrigin& origin) {
  return origin.goroutine_id != 0 ? key_of_id(origin.goroutine_id) : origin.goroutine << 1U;
}

}  // namespace

// The newest of a goroutine, and of a context, is the one that counts.
void Linker::serve(GoProcess& process, model::RequestId id, OpenRequest& request,
                   const model::CallOrigin& origin) {
  request.goroutine_key = goroutine_key_of(origin);
  request.context = origin.context;
  if (request.goroutine_key != 0) process.request_by_goroutine.set(request.goroutine_key, id);
  if (request.context != 0) process.request_by_context.set(request.context, id);
}

// Null: it is not there any more.
const model::TraceContext* Linker::trace_of(std::optional<std::uint64_t> request) {
  if (!request) return nullptr;
  if ((*request & kEnded) == 0) {
    const OpenRequest* open = requests_.find(*request);
    return open == nullptr ? nullptr : &open->trace;
  }
  const std::uint64_t place = (*request & ~kEnded) - first_ended_;
  return place < ended_.size() ? &ended_[place].trace : nullptr;
}

const model::TraceContext* Linker::find_parent(const GoProcess& process,
                                               const model::CallOrigin& origin) {
  const auto found = [this](std::optional<std::uint64_t> request, ParentBy by) {
    const model::TraceContext* trace = trace_of(request);
    if (trace != nullptr) counters_.parents[static_cast<std::size_t>(by)].add();
    return trace;
  };
  const auto& contexts = process.request_by_context;
  if (const auto* parent = found(contexts.find(origin.context), ParentBy::context)) return parent;
  for (const std::uint64_t ancestor : origin.ancestors) {
    if (ancestor == 0) break;
    if (const auto* parent = found(contexts.find(ancestor), ParentBy::context)) return parent;
  }
  const auto& goroutines = process.request_by_goroutine;
  if (const auto* parent = found(goroutines.find(goroutine_key_of(origin)), ParentBy::goroutine)) {
    return parent;
  }
  const auto started_by = key_of_id(origin.parent_goroutine_id);
  if (const auto* parent = found(goroutines.find(started_by), ParentBy::parent_goroutine))
    return parent;
  counters_.parents[static_cast<std::size_t>(ParentBy::none)].add();
  return nullptr;
}

// The request that the goroutine of the call serves, or whose answer goes where the call says.
OpenRequest* Linker::find_served(GoProcess& process, const model::FunctionCall& call) {
  if (call.connection != 0) {
    const auto place = connections_.find(call.connection);
    if (place != connections_.end()) {
      if (OpenRequest* request = requests_.find(place->second.served)) return request;
    }
  }
  for (const std::uint64_t goroutine :
       {goroutine_key_of(call.origin), key_of_id(call.origin.parent_goroutine_id)}) {
    const auto id = process.request_by_goroutine.find(goroutine);
    if (OpenRequest* request = id ? requests_.find(*id) : nullptr) return request;
  }
  return nullptr;
}

// Its own request only: of a panic elsewhere the process dies, or nobody hears of it.
void Linker::panic(GoProcess& process, const model::FunctionCall& call) {
  const auto id = process.request_by_goroutine.find(goroutine_key_of(call.origin));
  if (OpenRequest* request = id ? requests_.find(*id) : nullptr) request->panicked = true;
}

// A router inside a router names more of the path: the longest is it.
void Linker::take_route(GoProcess& process, const model::FunctionCall& call) {
  if (call.target_cut) return;
  const std::string_view route = route_in(call.target);
  OpenRequest* request = find_served(process, call);
  if (request != nullptr && route.size() > request->route.size()) request->route = route;
}

}  // namespace beyla::spans
