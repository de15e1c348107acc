// When goroutines were first seen calling. The last kMaxRemembered to 2 * kMaxRemembered that have
// called are remembered, however long ago they began to. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/clock.h"
#include "spans/number_index.h"

namespace beyla::spans {

class FirstCalls {
 public:
  static constexpr std::size_t kMaxRemembered = 1024;  // ours: 64 KB a process

  explicit FirstCalls(std::uint64_t seed) : seed_(seed), recent_(seed), before_(seed) {}

  // It calls now. Out: when it was first seen to do so. Key 0, which is nobody: now.
  base::BootTime note(std::uint64_t goroutine_key, base::BootTime now) {
    if (goroutine_key == 0) return now;
    if (const auto known = recent_.find(goroutine_key)) return to_time(*known);
    const auto first = before_.find(goroutine_key).value_or(to_number(now));
    if (recent_.size() >= kMaxRemembered) before_ = std::exchange(recent_, NumberIndex(seed_));
    recent_.set(goroutine_key, first);
    return to_time(first);
  }

 private:
  static std::uint64_t to_number(base::BootTime time) {
    return static_cast<std::uint64_t>(time.time_since_epoch().count());
  }
  static base::BootTime to_time(std::uint64_t number) {
    return base::BootTime(std::chrono::nanoseconds(static_cast<std::int64_t>(number)));
  }

  std::uint64_t seed_;
  NumberIndex recent_;
  NumberIndex before_;
};

}  // namespace beyla::spans
