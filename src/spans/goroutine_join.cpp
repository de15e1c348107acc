// Of Linker: which goroutine serves a request of plain HTTP/1. The call that tells so is the begin
// of the handler, or, where that is not told, its route. It serves what its goroutine received on
// the connection that it read last. net/http also reads one byte ahead on a goroutine of its own,
// which serves nothing.
#include "spans/linker.h"

namespace beyla::spans {

using model::RequestId;

namespace {

constexpr std::uint32_t kBackgroundBytes =
    1;  // net/http.connReader.backgroundRead, Go 1.17 to 1.26

}  // namespace

Linker::GoProcess* Linker::find_process(const model::ProcessKey& key) {
  if (newest_ != nullptr && newest_key_ == key) return newest_;
  const auto found = processes_.find(key);
  if (found == processes_.end()) return nullptr;
  newest_key_ = key;
  newest_ = &found->second;
  return newest_;
}

// Its connections are known already, only not by goroutine.
Linker::GoProcess* Linker::go_process(const model::ProcessKey& key) {
  if (GoProcess* known = find_process(key)) return known;
  if (processes_.size() >= kMaxGoProcesses) {
    counters_.over_limit.add();
    return nullptr;
  }
  GoProcess& process = processes_.try_emplace(key, random_.number()).first->second;
  for (auto& [id, connection] : connections_) {
    if (connection.process != key) continue;
    connection.go = &process;
    if (connection.goroutine != 0) {
      process.connection_by_goroutine.set(connection.goroutine, id);
    }
  }
  return &process;
}

void Linker::drop_process(const model::ProcessKey& key) {
  for (auto& [id, connection] : connections_) {
    if (connection.process == key) connection.go = nullptr;
  }
  newest_ = nullptr;
  processes_.erase(key);
}

void Linker::enqueue(RequestId id, OpenRequest& request) {
  auto place = connections_.find(request.connection);
  if (place == connections_.end()) {
    if (connections_.size() >= kMaxConnections) {
      counters_.over_limit.add();
      return;
    }
    place = connections_.try_emplace(request.connection).first;
    place->second.process = request.process;
    place->second.go = find_process(request.process);
  }
  Connection& connection = place->second;
  const std::uint32_t index = OpenRequests::index_of(id);
  request.in_queue = true;
  request.before = connection.last;
  if (connection.last == OpenRequest::kNone) {
    connection.first = index;
  } else {
    requests_.at(connection.last).behind = index;
  }
  connection.last = index;
}

void Linker::leave_queue(OpenRequest& request, std::uint32_t index) {
  const auto place = connections_.find(request.connection);
  if (place != connections_.end()) {
    Connection& connection = place->second;
    if (connection.first == index) connection.first = request.behind;
    if (connection.last == index) connection.last = request.before;
  }
  if (request.before != OpenRequest::kNone) requests_.at(request.before).behind = request.behind;
  if (request.behind != OpenRequest::kNone) requests_.at(request.behind).before = request.before;
  request.before = request.behind = OpenRequest::kNone;
  request.in_queue = false;
}

void Linker::on_data(const model::StreamData& event) {
  now_ = event.time;
  if (event.direction != model::Direction::received || event.goroutine == 0) return;
  const auto place = connections_.find(event.connection);
  if (place == connections_.end()) return;
  Connection& connection = place->second;
  if (connection.process == event.process && connection.goroutine == event.goroutine) return;
  if (event.total_bytes == kBackgroundBytes && connection.goroutine != 0) return;
  receive_on(place->first, connection, 0);
  if (connection.process != event.process) {
    connection.process = event.process;
    connection.go = find_process(event.process);
  }
  receive_on(place->first, connection, event.goroutine);
}

// From now on. A goroutine receives on one connection, and a connection is received on by one.
void Linker::receive_on(model::ConnectionId id, Connection& connection, std::uint64_t goroutine) {
  if (connection.go != nullptr) {
    NumberIndex& by_goroutine = connection.go->connection_by_goroutine;
    if (connection.goroutine != 0) by_goroutine.erase(connection.goroutine, id);
    if (goroutine != 0) {
      if (const auto before = by_goroutine.find(goroutine); before && *before != id) {
        const auto other = connections_.find(*before);
        if (other != connections_.end()) other->second.goroutine = 0;
      }
      by_goroutine.set(goroutine, id);
    }
  }
  connection.goroutine = goroutine;
}

void Linker::on_closed(const model::ConnectionClosed& event) {
  const auto place = connections_.find(event.connection);
  if (place == connections_.end()) return;
  receive_on(place->first, place->second, 0);
  while (place->second.first != OpenRequest::kNone) {
    const std::uint32_t first = place->second.first;
    leave_queue(requests_.at(first), first);
  }
  connections_.erase(place);
}

// What the goroutine's connection asked first of what nobody is known to serve; null: nothing.
OpenRequest* Linker::first_waiting(GoProcess& process, const model::FunctionCall& call) {
  auto id = call.connection;
  if (id == 0) id = process.connection_by_goroutine.find(call.origin.goroutine).value_or(0);
  const auto place = connections_.find(id);
  const bool waits = place != connections_.end() && place->second.first != OpenRequest::kNone;
  return waits ? &requests_.at(place->second.first) : nullptr;
}

void Linker::join(GoProcess& process, const model::FunctionCall& call, OpenRequest& request,
                  base::BootTime served_since) {
  Connection& connection = connections_.at(request.connection);
  const std::uint32_t index = connection.first;
  leave_queue(request, index);
  connection.served = requests_.id_of(index);
  serve(process, connection.served, request, call.origin, served_since);
  counters_.joined.add();
}

}  // namespace beyla::spans
