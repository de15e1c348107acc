// Processes that were turned away for want of something that may be there later. Each is tried
// again, so many times, with waits that grow. No kernel and no clock in here. Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "model/process.h"

namespace beyla::broker {

class Retries {
 public:
  // Ours.
  static constexpr std::size_t kMaxProcesses = 4096;
  static constexpr unsigned kMaxTries = 10;  // over some five minutes
  static constexpr std::chrono::seconds kFirstWait{1};
  static constexpr std::chrono::seconds kMaxWait{64};

  // It was turned away, maybe once more, and is not tried again before `earliest`. False: it has
  // had its tries, or there is no room; nothing is remembered of it.
  [[nodiscard]] bool put(const model::ProcessKey& process, base::BootTime now,
                         base::BootTime earliest = {});
  // The one whose time came first. Its tries are remembered until forget(). nullopt: none is due.
  [[nodiscard]] std::optional<model::ProcessKey> take(base::BootTime now);
  // Was turned away before.
  [[nodiscard]] bool knows(const model::ProcessKey& process) const {
    return known_.contains(process);
  }
  // It needs no further try. Unknown: nothing.
  void forget(const model::ProcessKey& process);

  // When take() has one; nullopt: never.
  [[nodiscard]] std::optional<base::BootTime> due() const;

 private:
  using Queue = std::multimap<base::BootTime, model::ProcessKey>;
  struct Known {
    unsigned tries = 0;                    // that were promised
    std::optional<Queue::iterator> place;  // none: it is being tried
  };
  Queue queue_;
  std::unordered_map<model::ProcessKey, Known, model::ProcessKeyHash> known_;
};

}  // namespace beyla::broker
