#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include <csignal>

#include "agent/privileges/syscall_rules.h"

namespace beyla::agent::privileges {
namespace {

// After loading and attaching. It waits for its signals, reads /proc, and hands descriptors on.
constexpr std::array kBroker = {
    // Iterators tell the kernel half which processes were selected, mark their sockets, and list
    // listeners: a link, then an iterator of the link.
    allow(SCMP_SYS(bpf), is_int(0, BPF_LINK_CREATE)),
    allow(SCMP_SYS(bpf), is_int(0, BPF_ITER_CREATE)),
    // Channels to the spawner, its children, and a processor that runs as a service of its own.
    allow(SCMP_SYS(socket), is_int(0, AF_UNIX)),
    allow(SCMP_SYS(socketpair), is_int(0, AF_UNIX)),
    allow(SCMP_SYS(connect)),
    allow(SCMP_SYS(setsockopt), is_int(1, SOL_SOCKET), is_int(2, SO_PASSCRED)),
    // The socket for scrapes again, should a processor have shut it down.
    allow(SCMP_SYS(listen)),
    // The ledger and the books.
    allow(SCMP_SYS(memfd_create)),
    // Libraries that may be loaded later must not be written meanwhile.
    allow(SCMP_SYS(inotify_add_watch), is_int(2, IN_MODIFY)),
    allow(SCMP_SYS(inotify_rm_watch)),
    allow(SCMP_SYS(ftruncate)),
    allow(SCMP_SYS(wait4)),
    allow(SCMP_SYS(waitid)),
    allow(SCMP_SYS(prctl), is_int(0, PR_SET_NAME)),
    allow(SCMP_SYS(prctl), is_int(0, PR_GET_NAME)),
};

// fork() of glibc; threads, new namespaces and vfork() are other flags.
constexpr std::uint64_t kForkMayHave =
    CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
constexpr ArgumentTest kIsFork{0, ~kForkMayHave, SIGCHLD};

constexpr Rule allow_prctl(std::uint64_t option) {
  return allow(SCMP_SYS(prctl), is_int(0, option));
}

// What it does itself, and what its children do before their own filter.
constexpr std::array kSpawner = {
    allow(SCMP_SYS(clone), kIsFork),
    allow(SCMP_SYS(wait4)),
    allow(SCMP_SYS(waitid)),
    allow(SCMP_SYS(kill), is_int(1, SIGKILL)),
    allow(SCMP_SYS(close_range)),
    allow(SCMP_SYS(rt_sigtimedwait)),
    // hardening.h, capabilities.h
    allow(SCMP_SYS(capget)),
    allow(SCMP_SYS(capset)),
    allow(SCMP_SYS(setrlimit)),
    allow(SCMP_SYS(prlimit64), is_int(0, 0)),
    allow_prctl(PR_SET_NAME),
    allow_prctl(PR_GET_NAME),
    allow_prctl(PR_SET_PDEATHSIG),
    allow_prctl(PR_GET_PDEATHSIG),
    allow(SCMP_SYS(prctl), is_int(0, PR_SET_DUMPABLE), is_int(1, 0)),
    allow_prctl(PR_GET_DUMPABLE),
    allow_prctl(PR_SET_NO_NEW_PRIVS),
    allow_prctl(PR_GET_NO_NEW_PRIVS),
    allow_prctl(PR_CAPBSET_READ),
    allow_prctl(PR_CAP_AMBIENT),
    // A worker's time limit.
    allow(SCMP_SYS(alarm)),
    allow(SCMP_SYS(setitimer)),
    // landlock.h; O_PATH names what may be read
    allow(SCMP_SYS(landlock_create_ruleset)),
    allow(SCMP_SYS(landlock_add_rule)),
    allow(SCMP_SYS(landlock_restrict_self)),
    allow(SCMP_SYS(openat), ArgumentTest{2, O_ACCMODE | O_CREAT | O_TRUNC | O_PATH, O_PATH}),
    // syscalls.h; libseccomp asks first what the kernel can do
    allow(SCMP_SYS(seccomp), is_int(0, SECCOMP_SET_MODE_FILTER)),
    allow(SCMP_SYS(seccomp), is_int(0, SECCOMP_GET_ACTION_AVAIL)),
    allow(SCMP_SYS(seccomp), is_int(0, SECCOMP_GET_NOTIF_SIZES)),
};

// Of its two descriptors it asks for little; write() is for a last line on stderr.
constexpr std::array kElfWorker = {
    allow(SCMP_SYS(fstat)),
    allow(SCMP_SYS(newfstatat), has(3, AT_EMPTY_PATH)),  // fstat() of glibc 2.33 .. 2.38
    allow(SCMP_SYS(pread64)),
    allow(SCMP_SYS(write)),
    allow(SCMP_SYS(close)),
    allow(SCMP_SYS(sendto), lacks(3, MSG_FASTOPEN)),  // send()
};

}  // namespace

RuleTable broker_rules() { return kBroker; }
RuleTable spawner_rules() { return kSpawner; }
RuleTable elf_worker_rules() { return kElfWorker; }

}  // namespace beyla::agent::privileges
