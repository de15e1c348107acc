// A file descriptor that is written without ever waiting longer than asked. One thread.
// The caller's descriptor keeps its flags: stdout is shared with whoever started us, and
// O_NONBLOCK belongs to the open file description, not to us.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::exporters::console {

class PolledOutput {
 public:
  enum class Outcome { written, no_room, broken };
  struct Step {
    Outcome outcome = Outcome::no_room;
    std::size_t bytes = 0;
  };

  // fd stays the caller's and may be closed after the call.
  [[nodiscard]] static base::Result<PolledOutput> make(int fd);

  // Waits at most max_wait for room and then writes once. REQUIRES: text is not empty; SIGPIPE is
  // blocked or ignored in this thread.
  [[nodiscard]] Step write_some(std::string_view text, std::chrono::milliseconds max_wait) const;

 private:
  enum class Kind { nonblocking, socket, blocking };
  PolledOutput(base::Fd fd, Kind kind) : fd_(std::move(fd)), kind_(kind) {}
  [[nodiscard]] ssize_t write_once(std::string_view text) const;

  base::Fd fd_;
  Kind kind_;
};

}  // namespace beyla::exporters::console
