// Waits for a descriptor, with a deadline. Any thread.
#pragma once

#include <chrono>

namespace beyla::base {

// 0 when it can be read, or its other end is gone; else errno: ETIMEDOUT at the deadline. What is
// ready already is seen also after the deadline.
[[nodiscard]] int wait_readable(int fd, std::chrono::steady_clock::time_point deadline);

}  // namespace beyla::base
