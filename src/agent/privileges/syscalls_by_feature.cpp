#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/falloc.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>

#include "agent/privileges/syscall_rules.h"

namespace beyla::agent::privileges {
namespace {

constexpr std::array kWaiting = {
    allow(SCMP_SYS(epoll_create1)),   allow(SCMP_SYS(epoll_ctl)),
    allow(SCMP_SYS(epoll_wait)),      allow(SCMP_SYS(epoll_pwait)),
    allow(SCMP_SYS(eventfd2)),        allow(SCMP_SYS(timerfd_create)),
    allow(SCMP_SYS(timerfd_settime)), allow(SCMP_SYS(timerfd_gettime)),
    allow(SCMP_SYS(signalfd4)),       allow(SCMP_SYS(pipe2)),
    allow(SCMP_SYS(select)),          allow(SCMP_SYS(pselect6)),
};

// O_PATH is left out: it opens what Landlock would refuse. O_TMPFILE has the bit of O_DIRECTORY,
// too, but comes with a mode for writing only.
constexpr std::uint64_t kMoreThanReading = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_PATH;

constexpr std::array kFileReading = {
    allow(SCMP_SYS(openat), lacks(2, kMoreThanReading)),
    allow(SCMP_SYS(newfstatat)),  // stat(), fs::directory_iterator
    allow(SCMP_SYS(readlink)),
    allow(SCMP_SYS(readlinkat)),
    allow(SCMP_SYS(access)),
    allow(SCMP_SYS(faccessat)),
    allow(SCMP_SYS(getdents64)),
    allow(SCMP_SYS(fstatfs)),
};

// As pthread_create() asks (sysdeps/unix/sysv/linux/createthread.c); never a process of its own.
constexpr std::uint64_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
                                         CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint64_t kThread = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
constexpr std::uint64_t kNoThread = kNewNamespaces | CLONE_VFORK | CLONE_PARENT | CLONE_PTRACE;

constexpr std::array kThreads = {
    allow(SCMP_SYS(clone), ArgumentTest{0, kThread | kNoThread, kThread}),
    allow(SCMP_SYS(prctl), is_int(0, PR_SET_NAME)), allow(SCMP_SYS(prctl), is_int(0, PR_GET_NAME)),
    allow(SCMP_SYS(prctl), is_int(0, PR_SET_VMA)),  // names of mappings, for /proc/PID/maps
};

constexpr Rule allow_option(std::uint64_t level, std::uint64_t option) {
  return allow(SCMP_SYS(setsockopt), is_int(1, level), is_int(2, option));
}

// A listening socket arrives; none is made, bound or listened on. Much of setsockopt(2) is rarely
// walked kernel code.
constexpr std::array kServing = {
    allow(SCMP_SYS(accept)),
    allow(SCMP_SYS(accept4)),
    allow(SCMP_SYS(getsockname)),
    allow(SCMP_SYS(getpeername)),
    allow(SCMP_SYS(getsockopt)),
    allow_option(SOL_SOCKET, SO_KEEPALIVE),
    allow_option(SOL_SOCKET, SO_LINGER),
    allow_option(SOL_SOCKET, SO_RCVTIMEO),
    allow_option(SOL_SOCKET, SO_SNDTIMEO),
    allow_option(SOL_SOCKET, SO_RCVBUF),
    allow_option(SOL_SOCKET, SO_SNDBUF),
    allow_option(IPPROTO_TCP, TCP_NODELAY),
    allow_option(IPPROTO_TCP, TCP_CORK),  // libmicrohttpd
    allow_option(IPPROTO_TCP, TCP_USER_TIMEOUT),
};

constexpr std::uint64_t kSocketType = 0xF;  // SOCK_TYPE_MASK, include/linux/net.h

constexpr Rule allow_socket(std::uint64_t family, std::uint64_t type, std::uint64_t protocol) {
  return allow(SCMP_SYS(socket), is_int(0, family), ArgumentTest{1, kSocketType, type},
               is_int(2, protocol));
}

// The protocol is named since Landlock knows ports of TCP only, not of MPTCP, SMC or SCTP.
constexpr std::array kOutgoing = {
    allow_socket(AF_INET, SOCK_STREAM, 0),
    allow_socket(AF_INET, SOCK_STREAM, IPPROTO_TCP),
    allow_socket(AF_INET, SOCK_DGRAM, 0),
    allow_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
    allow_socket(AF_INET6, SOCK_STREAM, 0),
    allow_socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
    allow_socket(AF_INET6, SOCK_DGRAM, 0),
    allow_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
    allow(SCMP_SYS(connect)),
    // The resolver of glibc: both questions at once, and failing without IP_RECVERR.
    allow(SCMP_SYS(sendmmsg), lacks(3, MSG_FASTOPEN)),
    allow(SCMP_SYS(recvmmsg)),
    allow_option(IPPROTO_IP, IP_RECVERR),
    allow_option(IPPROTO_IPV6, IPV6_RECVERR),
};

// Values of maps whose descriptors arrived; what may be written there says the map.
constexpr std::array kMaps = {
    allow(SCMP_SYS(bpf), is_int(0, BPF_MAP_LOOKUP_ELEM)),
    allow(SCMP_SYS(bpf), is_int(0, BPF_MAP_UPDATE_ELEM)),
    allow(SCMP_SYS(bpf), is_int(0, BPF_MAP_DELETE_ELEM)),
    allow(SCMP_SYS(bpf), is_int(0, BPF_MAP_LOOKUP_AND_DELETE_ELEM)),
    allow(SCMP_SYS(bpf), is_int(0, BPF_MAP_GET_NEXT_KEY)),
    allow(SCMP_SYS(bpf), is_int(0, BPF_OBJ_GET_INFO_BY_FD)),
};

// The ledger's memfd is sized and its journal given back. Who hands a mapping of its own to a
// processor seals the file: ftruncate() under a mapping is SIGBUS.
constexpr std::array kLedger = {
    allow(SCMP_SYS(ftruncate)),
    allow(SCMP_SYS(fallocate), is_int(1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)),
};

}  // namespace

RuleTable waiting_rules() { return kWaiting; }
RuleTable file_reading_rules() { return kFileReading; }
RuleTable thread_rules() { return kThreads; }
RuleTable serving_rules() { return kServing; }
RuleTable outgoing_rules() { return kOutgoing; }
RuleTable map_rules() { return kMaps; }
RuleTable ledger_rules() { return kLedger; }

}  // namespace beyla::agent::privileges
