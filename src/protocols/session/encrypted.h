// Connections that carry TLS, and whether what is inside of them is seen as well: as a connection
// of its own, or in calls of the process. Of a process where it is not, probes may be missing. The
// shard's thread only; the counters may be read by any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/counter.h"
#include "model/connection.h"
#include "model/process.h"

namespace beyla::protocols::session {

// Whether these bytes begin with the header of a record: RFC 8446 §5.1; records may be longer in
// RFC 5246 §6.2.3.
[[nodiscard]] bool begins_tls_record(std::span<const std::byte> bytes);

struct EncryptedCounters {
  base::Counter recognised;  // connections, by their bytes
  base::Counter unseen;  // no request is seen inside of them; may be of those bound before their
                         // first record, which are not recognised
};

class EncryptedConnections {
 public:
  // Ours: what is inside is seen by then, or at the end of the connection.
  static constexpr std::chrono::milliseconds kPatience{500};
  static constexpr std::size_t kMaxPending = 4096;    // one over it is judged at once
  static constexpr std::size_t kMaxProcesses = 4096;  // remembered of each kind; then anew
  // Between two times that one process is named.
  static constexpr std::chrono::seconds kFirstPause{2};
  static constexpr std::chrono::seconds kLongestPause{600};

  // It is known to carry TLS.
  void on_recognised(model::ConnectionId id, const model::ProcessKey& process, base::BootTime now);
  // What is inside is seen from now on.
  void on_plaintext(model::ConnectionId carrier) { pending_.erase(carrier); }
  // What is inside has ended, or is no protocol of ours, and no request was found in it.
  void on_nothing_found() { counters_.unseen.add(); }
  // What it sends by TLS is seen in calls.
  void on_call(const model::ProcessKey& process);
  // Of any connection.
  void on_closed(model::ConnectionId id, base::BootTime now);
  void tidy(base::BootTime now);

  // Processes of which nothing is seen, since the last call; each with growing pauses.
  [[nodiscard]] std::vector<model::ProcessKey> take_blind() { return std::exchange(blind_, {}); }

  [[nodiscard]] const EncryptedCounters& counters() const { return counters_; }
  [[nodiscard]] EncryptedCounters& counters() { return counters_; }  // to restore them

 private:
  struct Pending {
    model::ProcessKey process;
    base::BootTime since;
  };
  struct Naming {
    base::BootTime next;
    std::chrono::seconds pause = kFirstPause;
  };
  void judge(const model::ProcessKey& process, base::BootTime now);

  std::unordered_map<model::ConnectionId, Pending> pending_;
  std::unordered_set<model::ProcessKey, model::ProcessKeyHash> callers_;
  std::unordered_map<model::ProcessKey, Naming, model::ProcessKeyHash> named_;
  std::vector<model::ProcessKey> blind_;
  EncryptedCounters counters_;
};

}  // namespace beyla::protocols::session
