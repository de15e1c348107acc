// Owns one forked child of this process: on destruction it has ended, or it was killed; it is
// reaped unless the kernel cannot end it. Move only. One thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <utility>

#include "base/fd.h"

namespace beyla::agent::spawn {

class OwnProcess {
 public:
  OwnProcess() = default;
  // REQUIRES: a child of this process that nobody else reaps.
  explicit OwnProcess(pid_t pid);
  OwnProcess(OwnProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)) {}
  OwnProcess& operator=(OwnProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    return *this;
  }
  OwnProcess(const OwnProcess&) = delete;
  OwnProcess& operator=(const OwnProcess&) = delete;
  ~OwnProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill() const;  // SIGKILL
  // Reaps it if it ends within this time; false: it runs on.
  bool wait_for(std::chrono::milliseconds time);

 private:
  pid_t pid_ = 0;  // 0: none, or reaped
  base::Fd pidfd_;
};

}  // namespace beyla::agent::spawn
