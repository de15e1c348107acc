// The filters themselves: how refused calls end, which arguments make the difference, all threads,
// one filter upon another.
#include "agent/privileges/syscalls.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/prctl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "agent/privileges/syscall_rules.h"
#include "agent/privileges/testing/child.h"

namespace beyla::agent::privileges {
namespace {

using testing::ChildOutcome;
using testing::run_in_child;
using testing::Teller;

constexpr std::array kRoles = {Role::broker, Role::spawner, Role::processor, Role::config_worker,
                               Role::elf_worker};

struct Call {
  const char* name;
  long number;
  std::array<unsigned long, 4> arguments;
  bool let_through;
};

// Arguments are such that a call let through fails on them, or does nothing.
ChildOutcome make_calls(Role role, SyscallOptions options, std::span<const Call> calls) {
  return run_in_child([&](const Teller& teller) {
    require(teller, restrict_syscalls(role, options));
    for (const auto& call : calls) {
      const auto& a = call.arguments;
      const bool refused =
          ::syscall(call.number, a[0], a[1], a[2], a[3], 0, 0) < 0 && errno == EPERM;
      if (refused == call.let_through) teller.say(call.name);
    }
  });
}

constexpr unsigned long kBadFd = 0xFFFFFFFF;
constexpr unsigned long kHigh = 0xDEADBEEF00000000;  // what an int argument may carry above

TEST(Filter, LooksAtTheArgumentsOfAProcessor) {
  constexpr Call kCalls[] = {
      {"lookup", SYS_bpf, {BPF_MAP_LOOKUP_ELEM, 0, 0}, true},
      {"lookup with high bits", SYS_bpf, {kHigh | BPF_MAP_LOOKUP_ELEM, 0, 0}, true},
      {"update", SYS_bpf, {BPF_MAP_UPDATE_ELEM, 0, 0}, true},
      {"delete", SYS_bpf, {BPF_MAP_DELETE_ELEM, 0, 0}, true},
      {"take", SYS_bpf, {BPF_MAP_LOOKUP_AND_DELETE_ELEM, 0, 0}, true},
      {"next key", SYS_bpf, {BPF_MAP_GET_NEXT_KEY, 0, 0}, true},
      {"info", SYS_bpf, {BPF_OBJ_GET_INFO_BY_FD, 0, 0}, true},
      {"create", SYS_bpf, {BPF_MAP_CREATE, 0, 0}, false},
      {"program", SYS_bpf, {BPF_PROG_LOAD, 0, 0}, false},
      {"program with high bits", SYS_bpf, {kHigh | BPF_PROG_LOAD, 0, 0}, false},
      {"link", SYS_bpf, {BPF_LINK_CREATE, 0, 0}, false},
      {"iterator", SYS_bpf, {BPF_ITER_CREATE, 0, 0}, false},
      {"read only", SYS_openat, {kBadFd, 0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_DIRECTORY}, true},
      {"write only", SYS_openat, {kBadFd, 0, O_WRONLY}, false},
      {"read and write", SYS_openat, {kBadFd, 0, O_RDWR}, false},
      {"access mode 3", SYS_openat, {kBadFd, 0, O_ACCMODE}, false},
      {"create", SYS_openat, {kBadFd, 0, O_RDONLY | O_CREAT}, false},
      {"truncate", SYS_openat, {kBadFd, 0, O_RDONLY | O_TRUNC}, false},
      {"path", SYS_openat, {kBadFd, 0, O_PATH}, false},
      {"no thread", SYS_clone, {CLONE_VM | SIGCHLD}, false},
      {"vfork", SYS_clone, {CLONE_VM | CLONE_VFORK | SIGCHLD}, false},
      {"thread and namespace",
       SYS_clone,
       {CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER},
       false},
      {"own limit", SYS_prlimit64, {0, kBadFd, 0, 0}, true},
      {"set own limit", SYS_prlimit64, {0, kBadFd, 1, 0}, false},
      {"limit of another", SYS_prlimit64, {1, kBadFd, 0, 0}, false},
      {"dumpable", SYS_prctl, {PR_SET_DUMPABLE, 1}, false},
      {"send", SYS_sendto, {kBadFd, 0, 0, MSG_NOSIGNAL}, true},
      {"fast open", SYS_sendto, {kBadFd, 0, 0, MSG_FASTOPEN}, false},
      {"fast open by message", SYS_sendmsg, {kBadFd, 0, MSG_FASTOPEN}, false},
      {"punch", SYS_fallocate, {kBadFd, 3, 0, 1}, true},
      {"grow", SYS_fallocate, {kBadFd, 0, 0, 1}, false},
      {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}, false},
      {"local socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, false},
      {"local pair", SYS_socketpair, {AF_UNIX, SOCK_DGRAM, 0, 0}, false},
      {"connect", SYS_connect, {kBadFd, 0, 0}, false},
      {"bind", SYS_bind, {kBadFd, 0, 0}, false},
      {"no delay", SYS_setsockopt, {kBadFd, IPPROTO_TCP, 1}, true},
      {"attach a filter", SYS_setsockopt, {kBadFd, SOL_SOCKET, SO_ATTACH_FILTER}, false},
      {"seccomp", SYS_seccomp, {1, 0, 0}, false},
  };
  const auto outcome = make_calls(Role::processor, {}, kCalls);
  EXPECT_TRUE(outcome.ended_well());
  EXPECT_EQ(outcome.text, "");
}

TEST(Filter, LetsAProcessorPushWhereAsked) {
  constexpr Call kCalls[] = {
      {"v4", SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}, true},
      {"v4 udp", SYS_socket, {AF_INET, SOCK_DGRAM, IPPROTO_UDP}, true},
      {"v6 tcp", SYS_socket, {AF_INET6, SOCK_STREAM, IPPROTO_TCP}, true},
      {"raw", SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_TCP}, false},
      {"mptcp", SYS_socket, {AF_INET6, SOCK_STREAM, 262}, false},
      {"local", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, false},
      {"connect", SYS_connect, {kBadFd, 0, 0}, true},
      {"bind", SYS_bind, {kBadFd, 0, 0}, false},
      {"fast open", SYS_sendmmsg, {kBadFd, 0, 0, MSG_FASTOPEN}, false},
  };
  EXPECT_EQ(make_calls(Role::processor, {.outgoing_connections = true}, kCalls).text, "");
}

TEST(Filter, OpensNothingWhereAProcessorNeedsNoFiles) {
  constexpr Call kCalls[] = {
      {"open", SYS_openat, {kBadFd, 0, O_RDONLY}, false},
      {"stat", SYS_newfstatat, {kBadFd, 0, 0, 0}, false},
      {"fstat", SYS_newfstatat, {kBadFd, 0, 0, AT_EMPTY_PATH}, true},
  };
  EXPECT_EQ(make_calls(Role::processor, {.read_files = false}, kCalls).text, "");
}

TEST(Filter, LeavesABrokerLinksAndIterators) {
  constexpr Call kCalls[] = {
      {"link", SYS_bpf, {BPF_LINK_CREATE, 0, 0}, true},
      {"iterator", SYS_bpf, {BPF_ITER_CREATE, 0, 0}, true},
      {"update", SYS_bpf, {BPF_MAP_UPDATE_ELEM, 0, 0}, true},
      {"program", SYS_bpf, {BPF_PROG_LOAD, 0, 0}, false},
      {"raw tracepoint", SYS_bpf, {BPF_RAW_TRACEPOINT_OPEN, 0, 0}, false},
      {"map", SYS_bpf, {BPF_MAP_CREATE, 0, 0}, false},
      {"local socket", SYS_socket, {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0}, true},
      {"socket", SYS_socket, {AF_INET, SOCK_STREAM, 0}, false},
      {"accept", SYS_accept4, {kBadFd, 0, 0, 0}, false},
      {"thread", SYS_clone, {CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER}, false},
      {"fork", SYS_clone, {SIGCHLD | CLONE_NEWUSER | CLONE_FS}, false},
      {"write", SYS_openat, {kBadFd, 0, O_WRONLY}, false},
      {"kill", SYS_kill, {0x7FFFFFFF, SIGKILL}, false},
  };
  EXPECT_EQ(make_calls(Role::broker, {}, kCalls).text, "");
}

TEST(Filter, LeavesASpawnerSigkillOnly) {
  constexpr Call kCalls[] = {
      {"kill", SYS_kill, {0x7FFFFFFF, SIGKILL}, true},
      {"term", SYS_kill, {0x7FFFFFFF, SIGTERM}, false},
      {"probe", SYS_kill, {0x7FFFFFFF, 0}, false},
      {"fork into a namespace", SYS_clone, {SIGCHLD | CLONE_NEWUSER | CLONE_FS}, false},
      {"fork of a sibling", SYS_clone, {SIGCHLD | CLONE_PARENT}, false},
      {"setuid", SYS_setuid, {0}, false},
      {"core again", SYS_prctl, {PR_SET_DUMPABLE, 1}, false},
      {"limit of another", SYS_prlimit64, {1, kBadFd, 1, 0}, false},
      {"own limit", SYS_prlimit64, {0, kBadFd, 1, 0}, true},
      {"path", SYS_openat, {kBadFd, 0, O_PATH | O_CLOEXEC}, true},
      {"new path", SYS_openat, {kBadFd, 0, O_PATH | O_CREAT}, false},
  };
  EXPECT_EQ(make_calls(Role::spawner, {}, kCalls).text, "");
}

TEST(Filter, LeavesAConfigWorkerItsDescriptors) {
  constexpr Call kCalls[] = {
      {"read", SYS_read, {kBadFd, 0, 0}, true},
      {"seek", SYS_lseek, {kBadFd, 0, 0}, true},
      {"send", SYS_sendmsg, {kBadFd, 0, 0}, true},
      {"fstat", SYS_newfstatat, {kBadFd, 0, 0, AT_EMPTY_PATH}, true},
      {"open", SYS_openat, {kBadFd, 0, O_RDONLY}, false},
      {"stat", SYS_newfstatat, {kBadFd, 0, 0, 0}, false},
      {"readlink", SYS_readlinkat, {kBadFd, 0, 0, 0}, false},
      {"socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, false},
      {"pair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, 0}, false},
      {"thread", SYS_clone, {CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER}, false},
      {"map value", SYS_bpf, {BPF_MAP_LOOKUP_ELEM, 0, 0}, false},
      {"epoll", SYS_epoll_create1, {kBadFd}, false},
      {"accept", SYS_accept4, {kBadFd, 0, 0, 0}, false},
  };
  EXPECT_EQ(make_calls(Role::config_worker, {}, kCalls).text, "");
}

TEST(Filter, LeavesAnElfWorkerMappingReadingAndSending) {
  constexpr Call kCalls[] = {
      {"map", SYS_mmap, {0, 0, PROT_READ, MAP_PRIVATE}, true},
      {"read at", SYS_pread64, {kBadFd, 0, 0}, true},
      {"send", SYS_sendto, {kBadFd, 0, 0, MSG_NOSIGNAL}, true},
      {"fstat", SYS_newfstatat, {kBadFd, 0, 0, AT_EMPTY_PATH}, true},
      {"map code", SYS_mmap, {0, 0, PROT_READ | PROT_EXEC, MAP_PRIVATE}, false},
      {"stat", SYS_newfstatat, {kBadFd, 0, 0, 0}, false},
      {"fast open", SYS_sendto, {kBadFd, 0, 0, MSG_FASTOPEN}, false},
      {"send descriptors", SYS_sendmsg, {kBadFd, 0, 0}, false},
      {"receive", SYS_recvfrom, {kBadFd, 0, 0, 0}, false},
      {"receive descriptors", SYS_recvmsg, {kBadFd, 0, 0}, false},
      {"duplicate", SYS_dup2, {kBadFd, kBadFd}, false},
      {"ioctl", SYS_ioctl, {kBadFd, FIONREAD}, false},
      {"seals", SYS_fcntl, {kBadFd, F_ADD_SEALS, 0}, false},
      {"open", SYS_openat, {kBadFd, 0, O_RDONLY}, false},
      {"poll", SYS_poll, {0, 0, 0}, false},
      {"socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}, false},
      {"thread", SYS_clone, {CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER}, false},
  };
  EXPECT_EQ(make_calls(Role::elf_worker, {}, kCalls).text, "");
}

TEST(Filter, SendsTheCLibraryToOlderCalls) {
  for (const Role role : kRoles) {
    const auto outcome = run_in_child([&](const Teller& teller) {
      require(teller, restrict_syscalls(role));
      for (const int number : kAbsentCalls) {
        if (::syscall(number, -1, 0, 0, 0, 0) != -1 || errno != ENOSYS) {
          teller.say(std::to_string(number));
        }
      }
    });
    EXPECT_EQ(outcome.text, "");
  }
}

// x32 (arch/x86/include/uapi/asm/unistd.h): same calls, other numbers, that a list could miss.
TEST(Filter, KillsWhoCallsByNumbersOfAnotherArchitecture) {
#ifdef __x86_64__
  constexpr long kX32 = 0x40000000;
  for (const Role role : kRoles) {
    const auto outcome = run_in_child([&](const Teller& teller) {
      require(teller, restrict_syscalls(role));
      teller.say_result("getpid", ::syscall(kX32 | SYS_getpid));
    });
    EXPECT_TRUE(outcome.killed_by(SIGSYS)) << outcome.wait_status << outcome.text;
  }
#else
  GTEST_SKIP() << "x32 is a matter of x86-64";
#endif
}

TEST(Filter, LetsAbortEndEveryRole) {
  for (const Role role : kRoles) {
    const auto outcome = run_in_child([&](const Teller& teller) {
      require(teller, restrict_syscalls(role));
      std::abort();
    });
    EXPECT_TRUE(outcome.killed_by(SIGABRT)) << outcome.wait_status << outcome.text;
  }
}

TEST(Filter, ReachesThreadsThatRunAlready) {
  const auto outcome = run_in_child([](const Teller& teller) {
    std::atomic<bool> restricted = false;
    std::thread earlier([&] {
      restricted.wait(false);
      teller.say_result("socket", ::socket(AF_PACKET, SOCK_RAW, 0));
      teller.say(fmt::format("no_new_privs {}", ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)));
    });
    const auto done = restrict_syscalls(Role::spawner);
    restricted = true;
    restricted.notify_all();
    earlier.join();
    require(teller, done);
  });
  EXPECT_EQ(outcome.text, fmt::format("socket: {}\nno_new_privs 1\n", EPERM));
}

TEST(Filter, SaysWhyItCannotBe) {
  const auto outcome = run_in_child([](const Teller& teller) {
    require(teller, restrict_syscalls(Role::config_worker));
    const auto again = restrict_syscalls(Role::config_worker);
    teller.say(again ? "done" : again.error().message());
  });
  EXPECT_THAT(outcome.text, ::testing::HasSubstr("cannot restrict system calls"));
  EXPECT_THAT(outcome.text, ::testing::HasSubstr("not permitted"));
}

}  // namespace
}  // namespace beyla::agent::privileges
