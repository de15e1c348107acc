#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "agent/privileges/testing/attacks.h"
#include "base/fd.h"

namespace beyla::agent::privileges::testing {
namespace {

// At the same address in whoever was forked from the same process.
volatile std::uint64_t same_everywhere = 0;

int outcome(long result) { return result >= 0 ? 0 : errno; }

// Ends the child that should not have been, or waits for its end.
int outcome_of_fork(long child) {
  if (child == 0) ::_exit(0);
  if (child < 0) return errno;
  ::waitpid(static_cast<pid_t>(child), nullptr, __WALL);
  return 0;
}

int fork_by_clone(const AttackTargets& /*targets*/) {
  return outcome_of_fork(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
}
int fork_by_clone3(const AttackTargets& /*targets*/) {
  struct {
    std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
  } arguments{};
  arguments.exit_signal = SIGCHLD;
  return outcome_of_fork(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
}
#ifdef SYS_fork
int fork_by_fork(const AttackTargets& /*targets*/) { return outcome_of_fork(::syscall(SYS_fork)); }
#endif

int run_true(const AttackTargets& /*targets*/) {
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  ::execve("/bin/true", arguments, nullptr);
  return errno;
}
int run_true_by_execveat(const AttackTargets& /*targets*/) {
  char name[] = "true";
  char* arguments[] = {name, nullptr};
  ::syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, nullptr, 0);
  return errno;
}
// An empty file is no program: who is let through gets ENOEXEC.
int run_memory_file(const AttackTargets& /*targets*/) {
  const base::Fd file(::memfd_create("attack", MFD_CLOEXEC));
  if (!file.valid() && !is_refusal(errno)) return errno;
  char name[] = "attack";
  char* arguments[] = {name, nullptr};
  const int fd = file.valid() ? file.get() : STDIN_FILENO;
  ::syscall(SYS_execveat, fd, "", arguments, nullptr, AT_EMPTY_PATH);
  return errno;
}

int attach(pid_t pid) {
  if (::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) != 0) return errno;
  ::waitpid(pid, nullptr, __WALL);
  ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  return 0;
}
int attach_to_parent(const AttackTargets& targets) { return attach(targets.parent); }
int attach_to_victim(const AttackTargets& targets) { return attach(targets.victim); }
int ask_to_be_traced(const AttackTargets& /*targets*/) {
  return outcome(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
}

int read_memory(const AttackTargets& targets) {
  std::uint64_t word = 0;
  const iovec here{&word, sizeof(word)};
  const iovec there{const_cast<std::uint64_t*>(&same_everywhere), sizeof(word)};
  return outcome(::process_vm_readv(targets.parent, &here, 1, &there, 1, 0));
}
int write_memory(const AttackTargets& targets) {
  std::uint64_t word = 0;
  const iovec here{&word, sizeof(word)};
  const iovec there{const_cast<std::uint64_t*>(&same_everywhere), sizeof(word)};
  return outcome(::process_vm_writev(targets.parent, &here, 1, &there, 1, 0));
}

int probe_parent(const AttackTargets& targets) { return outcome(::kill(targets.parent, 0)); }
int kill_by_pidfd(const AttackTargets& targets) {
  const base::Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, targets.victim, 0)));
  if (!fd.valid()) return errno;
  return outcome(::syscall(SYS_pidfd_send_signal, fd.get(), SIGTERM, nullptr, 0));
}
int send_by_pidfd_of_nobody(const AttackTargets& /*targets*/) {
  return outcome(::syscall(SYS_pidfd_send_signal, -1, SIGTERM, nullptr, 0));
}
int signal_by_sigqueue(const AttackTargets& targets) {
  siginfo_t info{};
  info.si_code = SI_QUEUE;
  return outcome(::syscall(SYS_rt_sigqueueinfo, targets.victim, SIGCONT, &info));
}
// The kernel sends the signal when the pipe becomes readable.
int signal_by_owned_file(const AttackTargets& targets) {
  return outcome(::fcntl(STDIN_FILENO, F_SETOWN, targets.victim));
}
int abort_victim(const AttackTargets& targets) {
  return outcome(::syscall(SYS_tgkill, targets.victim, targets.victim, SIGABRT));
}
int signal_thread_of_victim(const AttackTargets& targets) {
  return outcome(::syscall(SYS_tkill, targets.victim, SIGCONT));
}
int kill_victim(const AttackTargets& targets) { return outcome(::kill(targets.victim, SIGTERM)); }
int kill_all(const AttackTargets& /*targets*/) {
  return outcome(::kill(-1, 0));  // 0: none is sent
}

int limit_victim(const AttackTargets& targets) {
  rlimit limit{};
  if (const int error = outcome(::prlimit(targets.victim, RLIMIT_NOFILE, nullptr, &limit)); error) {
    return error;
  }
  return outcome(::prlimit(targets.victim, RLIMIT_NOFILE, &limit, nullptr));
}
int move_victim(const AttackTargets& targets) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(0, &cpus);
  return outcome(::sched_setaffinity(targets.victim, sizeof(cpus), &cpus));
}
int slow_victim(const AttackTargets& targets) {
  return outcome(::setpriority(PRIO_PROCESS, static_cast<id_t>(targets.victim), 1));
}

int become_root(const AttackTargets& /*targets*/) { return outcome(::setuid(0)); }
int new_user_namespace(const AttackTargets& /*targets*/) {
  return outcome(::unshare(CLONE_NEWUSER));
}
int enter_namespace(const AttackTargets& /*targets*/) { return outcome(::setns(-1, 0)); }

constexpr Attack kAttacks[] = {
    {"clone", fork_by_clone},
    {"clone3", fork_by_clone3},
#ifdef SYS_fork
    {"fork", fork_by_fork},
#endif
    {"execve", run_true},
    {"execveat", run_true_by_execveat},
    {"memfd_exec", run_memory_file},
    {"ptrace_parent", attach_to_parent},
    {"ptrace_victim", attach_to_victim},
    {"ptrace_me", ask_to_be_traced},
    {"process_vm_readv", read_memory},
    {"process_vm_writev", write_memory},
    {"kill_parent_0", probe_parent},
    {"kill_all_0", kill_all},
    {"pidfd_send_signal", kill_by_pidfd},
    {"pidfd_send_signal_bad_fd", send_by_pidfd_of_nobody},
    {"rt_sigqueueinfo", signal_by_sigqueue},
    {"fcntl_setown", signal_by_owned_file},
    {"tkill_victim", signal_thread_of_victim},
    {"prlimit_victim", limit_victim},
    {"sched_setaffinity_victim", move_victim},
    {"setpriority_victim", slow_victim},
    {"tgkill_victim", abort_victim},
    {"kill_victim", kill_victim},
    {"setuid_0", become_root},
    {"unshare_user", new_user_namespace},
    {"setns", enter_namespace},
};

}  // namespace

std::span<const Attack> attacks_on_processes() { return kAttacks; }

}  // namespace beyla::agent::privileges::testing
