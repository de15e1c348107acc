// So many a second, and as many at once after a second of rest. No clock inside. One thread.
#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace beyla::broker {

class TokenBucket {
 public:
  // Full at first. REQUIRES: 0 < per_second <= 1e9.
  explicit TokenBucket(std::int64_t per_second) : price_(kFull / per_second) {}

  // A clock that stands or goes back fills nothing.
  [[nodiscard]] bool take(base::BootTime now) {
    if (now > filled_at_) {
      credit_ = std::min(kFull, credit_ + std::min(kFull, now - filled_at_));
      filled_at_ = now;
    }
    if (credit_ < price_) return false;
    credit_ -= price_;
    return true;
  }

 private:
  static constexpr std::chrono::nanoseconds kFull = std::chrono::seconds(1);
  std::chrono::nanoseconds price_;
  std::chrono::nanoseconds credit_ = kFull;
  base::BootTime filled_at_{};
};

}  // namespace beyla::broker
