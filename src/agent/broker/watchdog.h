// Whether the processor still works: that it says it is ready, and reads the ring while there is
// something in it. Looked at when the broker is awake anyway; only while something waits to be done
// does it ask to be woken. One look proves nothing: the machine may have slept since the last.
// Pure: the clock and the positions are the caller's. Control thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "agent/broker/ring_positions.h"
#include "base/clock.h"

namespace beyla::broker {

class Watchdog {
 public:
  static constexpr std::chrono::seconds kBetweenLooks{7};
  static constexpr std::uint32_t kPatience = 3;  // looks in a row at which nothing has moved

  void on_started(base::BootTime now) { *this = Watchdog(now + kBetweenLooks); }
  void on_ready() { ready_ = true; }

  // False: it has hung, end it. Too early for a look: true.
  [[nodiscard]] bool look(const RingPositions& ring, base::BootTime now) {
    if (now < next_look_) return true;
    next_look_ = now + kBetweenLooks;
    waits_ = ring.consumer != ring.producer;
    const bool stands_still = waits_ && ring.consumer == consumer_;
    consumer_ = ring.consumer;
    idle_looks_ = !ready_ || stands_still ? idle_looks_ + 1 : 0;
    return idle_looks_ < kPatience;
  }
  // Of the next look, while something waits.
  [[nodiscard]] std::optional<base::BootTime> due() const {
    return waits_ || !ready_ ? std::optional(next_look_) : std::nullopt;
  }

  Watchdog() = default;

 private:
  explicit Watchdog(base::BootTime first_look) : next_look_(first_look) {}

  base::BootTime next_look_{};
  std::uint64_t consumer_ = 0;  // at the last look
  std::uint32_t idle_looks_ = 0;
  bool waits_ = false;
  bool ready_ = false;
};

}  // namespace beyla::broker
