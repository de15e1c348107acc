// How many lines of one kind the log gets, lest a storm of short processes fills it: so many at
// once, then one a second. No clock inside. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/clock.h"

namespace beyla::base {

class LineBudget {
 public:
  static constexpr std::int64_t kAtOnce = 100;  // ours

  // Out: how many lines were left out since the last that was not; nullopt: leave this one out,
  // too. A clock that stands or goes back gives none.
  [[nodiscard]] std::optional<std::uint64_t> take(BootTime now) {
    if (now > filled_at_) {
      left_ = std::min(kFull, left_ + std::min(kFull, now - filled_at_));
      filled_at_ = now;
    }
    if (left_ < kPrice) {
      ++left_out_;
      return std::nullopt;
    }
    left_ -= kPrice;
    return std::exchange(left_out_, 0);
  }

 private:
  static constexpr std::chrono::nanoseconds kPrice = std::chrono::seconds(1);
  static constexpr std::chrono::nanoseconds kFull = kPrice * kAtOnce;
  std::chrono::nanoseconds left_ = kFull;
  BootTime filled_at_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace beyla::base
