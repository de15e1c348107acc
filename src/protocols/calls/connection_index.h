// The connections that are open, by what a Go process knows of them: their number, or the address
// of the client. Of any protocol, also those that nobody reads. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "model/connection.h"
#include "model/process.h"

namespace beyla::protocols::calls {

class ConnectionIndex {
 public:
  static constexpr std::size_t kMaxConnections = 65536;  // as many as are followed

  // process: all zero where it is not known. Beyond the limit nothing is remembered.
  void add(const model::ConnectionInfo& connection, const model::ProcessKey& process);
  void remove(model::ConnectionId id);

  [[nodiscard]] const model::ConnectionInfo* find(model::ConnectionId id) const;
  // A connection that the process serves, by its client. Null: none, or nobody knows.
  [[nodiscard]] const model::ConnectionInfo* find_served(const model::ProcessKey& process,
                                                         const model::Endpoint& client) const;
  [[nodiscard]] std::size_t size() const { return by_id_.size(); }

 private:
  struct Served {
    model::ProcessKey process;
    model::Endpoint client;
    bool operator==(const Served& other) const {
      return process == other.process && client.port == other.client.port &&
             client.address == other.client.address;
    }
  };
  struct ServedHash {
    std::size_t operator()(const Served& served) const noexcept;
  };
  struct Entry {
    model::ConnectionInfo connection;
    model::ProcessKey process;
  };
  std::unordered_map<model::ConnectionId, Entry> by_id_;
  std::unordered_map<Served, model::ConnectionId, ServedHash> served_;  // the newest of equal ones
};

}  // namespace beyla::protocols::calls
