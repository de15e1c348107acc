// What every processor is given with its first message; the same things for each, so that one goes
// on where the one before it ended. Control thread only.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "abi/processor_start.h"
#include "base/fd.h"
#include "base/result.h"

namespace beyla::broker {

class StartKit {
 public:
  // settings: a settings blob, at most abi::kStartSettingsBytes. cpus: possible ones.
  StartKit(std::vector<std::byte> settings, std::size_t cpus, std::string recording_name);

  // Borrowed: lives as long as the kit. -1: absent.
  void lend(abi::start_fd which, int fd) { fds_[which] = fd; }
  void give(abi::start_fd which, base::Fd fd);

  // To the processor with this pid; 0: it is this process.
  [[nodiscard]] base::Result<void> send(int channel, pid_t processor) const;

 private:
  std::vector<std::byte> settings_;
  std::size_t cpus_;
  std::string recording_name_;
  std::array<int, abi::kStartFds> fds_;
  std::vector<base::Fd> owned_;
};

// /proc/PID/stat; an invalid Fd where it cannot be opened: metrics of the process are left out.
[[nodiscard]] base::Fd open_stat_of(pid_t pid);

}  // namespace beyla::broker
