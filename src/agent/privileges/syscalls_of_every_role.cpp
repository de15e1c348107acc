#include <asm/termbits.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "agent/privileges/syscall_rules.h"

namespace beyla::agent::privileges {
namespace {

constexpr std::array kMemory = {
    allow(SCMP_SYS(brk)),
    allow(SCMP_SYS(mmap), lacks(2, PROT_EXEC)),
    allow(SCMP_SYS(mprotect), lacks(2, PROT_EXEC)),  // stacks of threads, arenas of malloc
    allow(SCMP_SYS(munmap)),
    allow(SCMP_SYS(mremap)),   // realloc of the large
    allow(SCMP_SYS(madvise)),  // free, stacks of ended threads
};

// On descriptors one has. F_SETOWN and SIOCSPGRP would let the kernel send signals to others.
constexpr std::array kDescriptors = {
    allow(SCMP_SYS(read)),
    allow(SCMP_SYS(readv)),
    allow(SCMP_SYS(pread64)),
    allow(SCMP_SYS(write)),
    allow(SCMP_SYS(writev)),
    allow(SCMP_SYS(lseek)),
    allow(SCMP_SYS(close)),
    allow(SCMP_SYS(dup)),
    allow(SCMP_SYS(dup2)),
    allow(SCMP_SYS(dup3)),
    allow(SCMP_SYS(fstat)),
    allow(SCMP_SYS(newfstatat), has(3, AT_EMPTY_PATH)),  // fstat() of glibc 2.33 .. 2.38
    allow(SCMP_SYS(fcntl), is_int(1, F_DUPFD)),
    allow(SCMP_SYS(fcntl), is_int(1, F_DUPFD_CLOEXEC)),
    allow(SCMP_SYS(fcntl), is_int(1, F_GETFD)),
    allow(SCMP_SYS(fcntl), is_int(1, F_SETFD)),
    allow(SCMP_SYS(fcntl), is_int(1, F_GETFL)),
    allow(SCMP_SYS(fcntl), is_int(1, F_SETFL)),
    allow(SCMP_SYS(fcntl), is_int(1, F_GET_SEALS)),
    allow(SCMP_SYS(fcntl), is_int(1, F_ADD_SEALS)),
    allow(SCMP_SYS(ioctl), is_int(1, TCGETS)),   // isatty()
    allow(SCMP_SYS(ioctl), is_int(1, TCGETS2)),  // isatty() of glibc 2.42
    allow(SCMP_SYS(ioctl), is_int(1, FIONBIO)),
    allow(SCMP_SYS(ioctl), is_int(1, FIONREAD)),
};

// Mostly answered without a system call (vDSO), but not under every clock source.
constexpr std::array kTime = {
    allow(SCMP_SYS(clock_gettime)),   allow(SCMP_SYS(clock_getres)),
    allow(SCMP_SYS(clock_nanosleep)), allow(SCMP_SYS(nanosleep)),
    allow(SCMP_SYS(gettimeofday)),    allow(SCMP_SYS(time)),
    allow(SCMP_SYS(restart_syscall)),  // a sleep after SIGSTOP and SIGCONT
};

// Locks and start-up of threads by the C library; also with one thread.
constexpr std::array kThreadSupport = {
    allow(SCMP_SYS(futex)),
    allow(SCMP_SYS(futex_waitv)),
    allow(SCMP_SYS(set_robust_list)),
    allow(SCMP_SYS(get_robust_list)),
    allow(SCMP_SYS(rseq)),
    allow(SCMP_SYS(set_tid_address)),
    allow(SCMP_SYS(membarrier)),
    allow(SCMP_SYS(sched_yield)),
    allow(SCMP_SYS(rt_sigaction)),
    allow(SCMP_SYS(rt_sigprocmask)),
    allow(SCMP_SYS(rt_sigreturn)),
    allow(SCMP_SYS(sigaltstack)),
};

constexpr std::array kSelf = {
    allow(SCMP_SYS(getpid)),
    allow(SCMP_SYS(gettid)),
    allow(SCMP_SYS(getppid)),
    allow(SCMP_SYS(getuid)),
    allow(SCMP_SYS(geteuid)),
    allow(SCMP_SYS(getgid)),
    allow(SCMP_SYS(getegid)),
    allow(SCMP_SYS(getresuid)),
    allow(SCMP_SYS(getresgid)),
    allow(SCMP_SYS(getgroups)),
    allow(SCMP_SYS(getrandom)),  // malloc of glibc 2.36, too
    allow(SCMP_SYS(uname)),
    allow(SCMP_SYS(sysinfo)),
    allow(SCMP_SYS(getcpu)),
    allow(SCMP_SYS(sched_getaffinity)),  // hardware_concurrency()
    allow(SCMP_SYS(getrusage)),
    allow(SCMP_SYS(times)),
    allow(SCMP_SYS(getrlimit)),
    allow(SCMP_SYS(prlimit64), is_int(0, 0), is_null(2)),  // reading one's own
    allow(SCMP_SYS(exit)),
    allow(SCMP_SYS(exit_group)),
};

// MSG_FASTOPEN would connect without connect(), which Landlock does not see (Linux 6.12).
constexpr std::array kChannel = {
    allow(SCMP_SYS(sendmsg), lacks(2, MSG_FASTOPEN)),
    allow(SCMP_SYS(sendto), lacks(3, MSG_FASTOPEN)),  // send()
    allow(SCMP_SYS(recvmsg)),
    allow(SCMP_SYS(recvfrom)),  // recv()
    allow(SCMP_SYS(shutdown)),
    allow(SCMP_SYS(poll)),
    allow(SCMP_SYS(ppoll)),
};

}  // namespace

RuleTable memory_rules() { return kMemory; }
RuleTable descriptor_rules() { return kDescriptors; }
RuleTable time_rules() { return kTime; }
RuleTable thread_support_rules() { return kThreadSupport; }
RuleTable self_rules() { return kSelf; }
RuleTable channel_rules() { return kChannel; }

}  // namespace beyla::agent::privileges
