#include "protocols/calls/connection_index.h"

#include <cstring>
#include <functional>

namespace beyla::protocols::calls {

std::size_t ConnectionIndex::ServedHash::operator()(const Served& served) const noexcept {
  std::uint64_t halves[2];
  std::memcpy(halves, served.client.address.bytes.data(), sizeof(halves));
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // spreads: 2^64 / golden ratio
  std::uint64_t mixed = model::ProcessKeyHash{}(served.process);
  for (const std::uint64_t word : {halves[0], halves[1], std::uint64_t{served.client.port}}) {
    mixed = (mixed ^ word) * kOdd;
    mixed ^= mixed >> 32U;
  }
  return mixed;
}

void ConnectionIndex::add(const model::ConnectionInfo& connection,
                          const model::ProcessKey& process) {
  if (by_id_.size() >= kMaxConnections) return;
  if (!by_id_.try_emplace(connection.id, Entry{connection, process}).second) return;
  if (connection.role == model::Role::client) return;
  served_[{process, connection.remote}] = connection.id;
}

void ConnectionIndex::remove(model::ConnectionId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  const auto served = served_.find({found->second.process, found->second.connection.remote});
  if (served != served_.end() && served->second == id) served_.erase(served);
  by_id_.erase(found);
}

const model::ConnectionInfo* ConnectionIndex::find(model::ConnectionId id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second.connection;
}

const model::ConnectionInfo* ConnectionIndex::find_served(const model::ProcessKey& process,
                                                          const model::Endpoint& client) const {
  for (const model::ProcessKey& owner : {process, model::ProcessKey{}}) {
    const auto found = served_.find({owner, client});
    if (found != served_.end()) return find(found->second);
  }
  return nullptr;
}

}  // namespace beyla::protocols::calls
