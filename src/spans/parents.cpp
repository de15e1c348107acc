// Of Linker: which request a call belongs to.
#include <algorithm>

#include "spans/linker.h"
#include "spans/route_text.h"

namespace beyla::spans {

namespace {

// A goroutine's id where it is known, else its address; the two cannot be taken for each other.
std::uint64_t key_of_id(std::uint64_t id) { return id == 0 ? 0 : (id << 1U) | 1U; }
std::uint64_t goroutine_key_of(const model::CallOrigin& origin) {
  return origin.goroutine_id != 0 ? key_of_id(origin.goroutine_id) : origin.goroutine << 1U;
}

// Of a route or a panic: when the handler began.
constexpr base::BootTime kUnknownTime{};
base::BootTime served_since(const model::FunctionCall& call) {
  return base::BootTime(std::chrono::nanoseconds(static_cast<std::int64_t>(call.owner)));
}

}  // namespace

// The newest of a goroutine, and of a context, is the one that counts.
void Linker::serve(GoProcess& process, model::RequestId id, OpenRequest& request,
                   const model::CallOrigin& origin, base::BootTime served_since) {
  request.served_since = served_since;
  request.goroutine_key = goroutine_key_of(origin);
  request.context = origin.context;
  process.newest_goroutine = std::max(process.newest_goroutine, origin.goroutine_id);
  request.newest_goroutine = process.newest_goroutine;
  if (request.goroutine_key != 0) process.request_by_goroutine.set(request.goroutine_key, id);
  if (request.context != 0) process.request_by_context.set(request.context, id);
}

// nullopt: it is not there any more.
std::optional<Linker::Candidate> Linker::find_candidate(std::optional<std::uint64_t> request) {
  if (!request) return std::nullopt;
  if ((*request & kEnded) == 0) {
    const OpenRequest* open = requests_.find(*request);
    if (open == nullptr) return std::nullopt;
    return Candidate{&open->trace, open->begun, open->newest_goroutine};
  }
  const std::uint64_t place = (*request & ~kEnded) - first_ended_;
  if (place >= ended_.size()) return std::nullopt;
  const Ended& ended = ended_[place];
  return Candidate{&ended.trace, ended.begun, ended.newest_goroutine};
}

// Of open requests only: the context of an ended one is garbage, and its memory soon another's,
// also of one that the next request of the same goroutine was given.
const model::TraceContext* Linker::parent_by_context(const GoProcess& process,
                                                     const model::CallOrigin& origin) {
  const auto parent_of = [&](std::uint64_t context) -> const model::TraceContext* {
    const auto id = process.request_by_context.find(context);
    const OpenRequest* request = id ? requests_.find(*id) : nullptr;
    return request != nullptr ? &request->trace : nullptr;
  };
  if (const auto* parent = parent_of(origin.context)) return parent;
  for (const std::uint64_t ancestor : origin.ancestors) {
    if (ancestor == 0) break;
    if (const auto* parent = parent_of(ancestor)) return parent;
  }
  return nullptr;
}

// A goroutine that has called before the request began, or is much older by its id, was not started
// by it: it is one that an earlier request has left behind.
const model::TraceContext* Linker::find_parent(GoProcess& process, const model::CallOrigin& origin,
                                               base::BootTime time) {
  const auto count = [this](const model::TraceContext* parent, ParentBy by) {
    counters_.parents[static_cast<std::size_t>(by)].add();
    return parent;
  };
  const std::uint64_t goroutine = goroutine_key_of(origin);
  const base::BootTime first_call = process.callers.note(goroutine, time);
  process.newest_goroutine = std::max(process.newest_goroutine, origin.goroutine_id);
  if (const auto* parent = parent_by_context(process, origin)) {
    return count(parent, ParentBy::context);
  }
  const auto& goroutines = process.request_by_goroutine;
  if (const auto served = find_candidate(goroutines.find(goroutine))) {
    return count(served->trace, ParentBy::goroutine);
  }
  const auto starter = find_candidate(goroutines.find(key_of_id(origin.parent_goroutine_id)));
  const bool is_new = starter && first_call >= starter->begun &&
                      origin.goroutine_id + kGoroutinesLate >= starter->newest_goroutine;
  if (is_new) {
    return count(starter->trace, ParentBy::parent_goroutine);
  }
  return count(nullptr, ParentBy::none);
}

void Linker::begin_http1(GoProcess& process, const model::FunctionCall& call) {
  if (call.tls) return;
  OpenRequest* request = first_waiting(process, call);
  if (request == nullptr) return counters_.unjoined.add();
  join(process, call, *request, call.time);
}

// Of those that are known to be served: that of the call's goroutine, or whose answer goes where
// the call says. One whose handler began at another time is another one.
OpenRequest* Linker::find_joined(GoProcess& process, const model::FunctionCall& call) {
  const base::BootTime since = served_since(call);
  const auto find = [&](std::optional<model::RequestId> id) -> OpenRequest* {
    OpenRequest* request = id ? requests_.find(*id) : nullptr;
    const bool is_it =
        request != nullptr && (since == kUnknownTime || request->served_since == since);
    return is_it ? request : nullptr;
  };
  if (call.connection != 0) {
    const auto place = connections_.find(call.connection);
    if (place != connections_.end()) {
      if (OpenRequest* request = find(place->second.served)) return request;
    }
  }
  for (const std::uint64_t goroutine :
       {goroutine_key_of(call.origin), key_of_id(call.origin.parent_goroutine_id)}) {
    if (OpenRequest* request = find(process.request_by_goroutine.find(goroutine))) return request;
  }
  return nullptr;
}

// Where its begin was not told, this is the first that is heard of who serves it. What came only
// after the handler began is another request: one that net/http answered itself, after an answer
// that none of this goroutine's sends was part of.
OpenRequest* Linker::find_served(GoProcess& process, const model::FunctionCall& call) {
  if (OpenRequest* request = find_joined(process, call)) return request;
  const base::BootTime since = served_since(call);
  OpenRequest* request = first_waiting(process, call);
  const bool is_it = request != nullptr && (since == kUnknownTime || request->begun <= since);
  if (is_it) {
    join(process, call, *request, since);
    return request;
  }
  if (since != kUnknownTime) counters_.unjoined.add();
  return nullptr;
}

// Its own request only: of a panic elsewhere the process dies, or nobody hears of it.
void Linker::panic(GoProcess& process, const model::FunctionCall& call) {
  OpenRequest* request = find_served(process, call);
  if (request == nullptr) return;
  if (!call.failed) request->panicked = call.time;
  // Unless its handler recovers, it has ended, though some panics show only later that they did.
  const auto id = process.request_by_goroutine.find(request->goroutine_key);
  if (id) process.request_by_context.erase(request->context, *id);
  request->context = 0;
}

// A router inside a router names more of the path: the longest is it. Of one router's templates one
// that does not go on where another ended was only tried: mux.CORSMethodMiddleware asks all routes
// whether they match, after the one that serves.
void Linker::take_route(GoProcess& process, const model::FunctionCall& call) {
  if (call.target_cut) return;
  const std::string_view route = route_in(call.target);
  OpenRequest* request = find_served(process, call);
  if (request == nullptr || route.size() <= request->route.size()) return;
  if (!call.more_pieces || route.starts_with(request->route)) request->route = route;
}

}  // namespace beyla::spans
