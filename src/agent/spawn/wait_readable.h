// poll for one descriptor and one point in time, whatever signals come.
#pragma once

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace beyla::agent::spawn {

// Readable, or at its end. False: the time has come first.
inline bool wait_readable(int fd, std::chrono::steady_clock::time_point until) {
  pollfd wait{fd, POLLIN, 0};
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    const int ready = ::poll(
        &wait, 1, static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

}  // namespace beyla::agent::spawn
