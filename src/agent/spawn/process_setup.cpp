#include "agent/spawn/process_setup.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <climits>
#include <csignal>

#include "base/fd_message.h"

namespace beyla::agent::spawn {
namespace {

base::Result<void> limit(__rlimit_resource resource, rlim_t soft, rlim_t hard) {
  const rlimit values{soft, hard};
  if (::setrlimit(resource, &values) != 0) return base::fail_errno(errno, "cannot set a limit");
  return {};
}

// Not glibc's function: the floor of our kernels is older than some C libraries know.
base::Result<void> close_from_to(unsigned first, unsigned last) {
  if (first > last) return {};
  if (::syscall(SYS_close_range, first, last, 0) != 0) {
    return base::fail_errno(errno, "cannot close inherited descriptors");
  }
  return {};
}

}  // namespace

base::Result<void> fill_stdio() {
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one.
    if (::open("/dev/null", O_RDWR) < 0) return base::fail_errno(errno, "cannot open /dev/null");
  }
  return {};
}

base::Result<void> empty_stdin() {
  const base::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid() || ::dup2(null.get(), STDIN_FILENO) < 0) {
    return base::fail_errno(errno, "cannot open /dev/null");
  }
  return {};
}

base::Result<void> die_with(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    return base::fail_errno(errno, "cannot set the parent-death signal");
  }
  if (::getppid() != parent) return base::fail_errno(ESRCH, "the parent has ended");
  return {};
}

void reset_signals(StopSignals stop) {
  struct sigaction action{};
  for (int signal = 1; signal < NSIG; ++signal) {
    const bool stops = signal == SIGINT || signal == SIGTERM || signal == SIGHUP;
    // At once: with a default action in between, Ctrl-C would end a child that is being born.
    action.sa_handler = stops && stop == StopSignals::ignored ? SIG_IGN : SIG_DFL;
    // Fails for SIGKILL, SIGSTOP and the C library's own, which are as they should be.
    ::sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

base::Result<void> close_fds_but(std::span<const int> fds) {
  std::array<int, base::kMaxMessageFds + 1> kept{};
  assert(fds.size() <= kept.size());
  const auto end = std::ranges::copy(fds, kept.begin()).out;
  std::sort(kept.begin(), end);
  unsigned first = STDERR_FILENO + 1;
  for (auto each = kept.begin(); each != end; ++each) {
    const auto fd = static_cast<unsigned>(*each);
    if (fd < first) continue;
    if (fd > first) TRY_VOID(close_from_to(first, fd - 1));
    first = fd + 1;
  }
  return close_from_to(first, UINT_MAX);
}

base::Result<void> apply_limits(const ChildLimits& limits) {
  if (limits.cpu.count() > 0) {
    const auto seconds = static_cast<rlim_t>(limits.cpu.count());
    TRY_VOID(limit(RLIMIT_CPU, seconds, seconds + 1));
  }
  if (limits.address_space > 0) {
    TRY_VOID(limit(RLIMIT_AS, limits.address_space, limits.address_space));
  }
  if (limits.wall.count() > 0) ::alarm(static_cast<unsigned>(limits.wall.count()));
  return {};
}

}  // namespace beyla::agent::spawn
