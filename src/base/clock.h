// Time inside beyla: nanoseconds of CLOCK_BOOTTIME, the clock of bpf_ktime_get_boot_ns().
// Wall time exists only in export/, made by WallClockOffset.
#pragma once

#include <chrono>

namespace beyla::base {

struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
  [[nodiscard]] static time_point now();
};

using BootTime = BootClock::time_point;

// CLOCK_REALTIME minus CLOCK_BOOTTIME at the moment of the call.
[[nodiscard]] std::chrono::nanoseconds wall_clock_offset();

}  // namespace beyla::base
