#include "base/clock.h"

#include <ctime>

namespace beyla::base {
namespace {

std::chrono::nanoseconds read_clock(clockid_t id) {
  timespec time{};
  clock_gettime(id, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

BootTime BootClock::now() { return BootTime(read_clock(CLOCK_BOOTTIME)); }

std::chrono::nanoseconds wall_clock_offset() {
  return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
}

}  // namespace beyla::base
