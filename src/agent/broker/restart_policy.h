// When the processor that ended is started again, and what is said about it. Pure: the clock is the
// caller's. Control thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace beyla::broker {

// Of a status from wait(): "exit code 3", "killed by SIGSEGV", "killed by its CPU limit (SIGXCPU)".
[[nodiscard]] std::string describe_end(int wait_status);

class RestartPolicy {
 public:
  static constexpr std::chrono::milliseconds kBetweenStarts{20};
  // Deaths in a row, none of which had delivered an event, before waiting begins.
  static constexpr std::uint32_t kPatience = 3;
  static constexpr std::chrono::seconds kFirstWait{1};  // doubled with each further death
  static constexpr std::chrono::seconds kLongestWait{30};
  // The same words about a processor that had worked are said again after so long.
  static constexpr std::chrono::seconds kQuiet{60};

  void on_started(base::BootTime now) { started_ = now; }
  // It has committed its first batch of events (kRequestDelivered).
  void on_delivered() {
    barren_ = 0;
    has_delivered_ = true;
  }

  struct Decision {
    base::BootTime start_at;         // now or later
    std::optional<std::string> say;  // one line for the log, if it says something new
  };
  // `why`: describe_end(), or what we ended it for.
  [[nodiscard]] Decision on_ended(std::string_view why, base::BootTime now);

 private:
  [[nodiscard]] std::chrono::nanoseconds wait() const;
  [[nodiscard]] std::string line(std::string_view why) const;

  std::uint32_t barren_ = 0;  // deaths in a row without an event
  bool has_delivered_ = false;
  base::BootTime started_{};
  std::string said_;
  base::BootTime said_at_{};
};

}  // namespace beyla::broker
