// The first message that a processor gets: everything it works with. Any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "abi/processor_start.h"
#include "base/fd.h"
#include "base/result.h"

namespace beyla::processor {

struct Start {
  std::array<base::Fd, abi::kStartFds> fds;  // by abi::start_fd; of the optional ones some invalid
  std::size_t cpus = 0;
  std::vector<std::byte> settings;  // abi::settings_blob, not decoded
  std::string recording_name;       // for messages

  [[nodiscard]] int fd(abi::start_fd which) const { return fds[which].get(); }
  [[nodiscard]] base::Fd take(abi::start_fd which) { return std::move(fds[which]); }
};

// Waits for it. Errors: nothing came in time, the other end is closed, or it is not one whole
// message of this version with the descriptors that it names.
[[nodiscard]] base::Result<Start> receive_start(int channel, std::chrono::milliseconds patience);

}  // namespace beyla::processor
