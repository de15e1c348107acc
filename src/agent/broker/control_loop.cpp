#include "agent/broker/control_loop.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace beyla::agent {
namespace {

sigset_t ending_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

base::Result<base::Fd> take_over_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  base::Fd fd(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!fd.valid()) return base::fail_errno(errno, "cannot receive signals");
  return fd;
}

void give_signals_back() {
  const sigset_t set = ending_signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

base::Result<void> run_control_loop(probes::loader::KernelProbes& probes,
                                    discover::Discovery& discovery, int signals, int failed_fd) {
  std::array<pollfd, 3> fds = {pollfd{signals, POLLIN, 0},
                               pollfd{probes.process_events_fd(), POLLIN, 0},
                               pollfd{failed_fd, POLLIN, 0}};
  while (true) {
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
      return base::fail_errno(errno, "cannot wait for process events");
    }
    if ((fds[1].revents & POLLIN) != 0) {
      probes.read_process_events();
      discovery.finish_batch();
    }
    if ((fds[0].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (::read(signals, &info, sizeof(info)) == sizeof(info)) return {};
    }
    if ((fds[2].revents & POLLIN) != 0) return {};
  }
}

}  // namespace beyla::agent
