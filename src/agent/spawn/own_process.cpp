#include "agent/spawn/own_process.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/wait_readable.h"

namespace beyla::agent::spawn {
namespace {

constexpr std::chrono::milliseconds kGrace{1000};
constexpr std::chrono::milliseconds kKillTakes{1000};

}  // namespace

// Opened at once: a seccomp filter may refuse it later.
OwnProcess::OwnProcess(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

OwnProcess::~OwnProcess() {
  if (pid_ == 0 || wait_for(kGrace)) return;
  kill();
  wait_for(kKillTakes);
}

void OwnProcess::kill() const {
  if (pid_ != 0) ::kill(pid_, SIGKILL);
}

bool OwnProcess::wait_for(std::chrono::milliseconds time) {
  if (pid_ == 0) return true;
  static_cast<void>(base::wait_readable(pidfd_.get(), std::chrono::steady_clock::now() + time));
  if (::waitpid(pid_, nullptr, WNOHANG) == 0) return false;
  pid_ = 0;  // reaped, or none of ours
  pidfd_.reset();
  return true;
}

}  // namespace beyla::agent::spawn
