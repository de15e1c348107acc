#include "base/wait_readable.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace beyla::base {

int wait_readable(int fd, std::chrono::steady_clock::time_point deadline) {
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
    pollfd entry{fd, POLLIN, 0};
    const int ready = ::poll(
        &entry, 1, static_cast<int>(std::clamp<long>(left, 0, std::numeric_limits<int>::max())));
    if (ready > 0) return (entry.revents & POLLNVAL) != 0 ? EBADF : 0;
    if (ready < 0 && errno != EINTR) return errno;
    if (left <= 0) return ETIMEDOUT;
  }
}

}  // namespace beyla::base
