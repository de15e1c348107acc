// How much probes that stand in every process may cost those that are none of ours: when they have
// to go, and when they may come back. No kernel and no clock in here. Control thread only.
#pragma once

#include <chrono>
#include <optional>

#include "base/clock.h"

namespace beyla::broker {

class StrangerBudget {
 public:
  // Ours: abi::kStrangerBatch hits in less than this are too many. At 0.6 us each (6.18) strangers
  // together pay 0.25 ms of CPU a second at most, and what they run until the probes are gone.
  static constexpr std::chrono::seconds kLeastPause{10};
  static constexpr std::chrono::seconds kFirstBar{60};  // doubled each time
  static constexpr std::chrono::seconds kLongestBar{3600};

  // Probes come to stand.
  void begin(base::BootTime now) { batch_at_ = now; }
  // One more batch of hits was of strangers. True: the probes have to go now.
  [[nodiscard]] bool spend(base::BootTime now);
  [[nodiscard]] bool may_stand(base::BootTime now) const { return now >= barred_until_; }

 private:
  base::BootTime batch_at_{};
  base::BootTime barred_until_{};
  std::chrono::seconds bar_ = kFirstBar;
};

}  // namespace beyla::broker
