#include "agent/privileges/landlock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "agent/privileges/landlock_abi.h"
#include "agent/privileges/testing/child.h"

namespace beyla::agent::privileges {
namespace {

using ::testing::HasSubstr;
using testing::LoopbackListener;
using testing::run_in_child;
using testing::Sleeper;
using testing::Teller;

int abi_of_this_kernel() {
  const auto outcome = run_in_child(
      [](const Teller& teller) { teller.say(std::to_string(restrict_with_landlock({}).abi)); });
  return std::stoi(outcome.text);
}

#define NEEDS_ABI(wanted)                                                         \
  if (const int abi = abi_of_this_kernel(); abi < (wanted)) {                     \
    GTEST_SKIP() << "needs Landlock ABI " << (wanted) << ", here is ABI " << abi; \
  }                                                                               \
  static_assert(true)

// The rights of each ABI, as the table in the kernel's Documentation/userspace-api/landlock.rst.
TEST(LandlockRuleset, AsksForWhatTheAbiKnows) {
  EXPECT_EQ(ruleset_for(1).handled_access_fs, 0x1FFFU);
  EXPECT_EQ(ruleset_for(2).handled_access_fs, 0x3FFFU);
  EXPECT_EQ(ruleset_for(3).handled_access_fs, 0x7FFFU);
  EXPECT_EQ(ruleset_for(3).handled_access_net, 0U);
  EXPECT_EQ(ruleset_for(4).handled_access_net, 3U);
  EXPECT_EQ(ruleset_for(4).handled_access_fs, 0x7FFFU);
  EXPECT_EQ(ruleset_for(5).handled_access_fs, 0xFFFFU);
  EXPECT_EQ(ruleset_for(5).scoped, 0U);
  EXPECT_EQ(ruleset_for(6).scoped, 3U);
  EXPECT_EQ(ruleset_for(7).scoped, 3U);
}

TEST(Landlock, LetsReadWhatIsNamed) {
  NEEDS_ABI(1);
  const auto outcome = run_in_child([](const Teller& teller) {
    const auto report =
        restrict_with_landlock({.readable_paths = {"/etc/passwd", "/proc/self", "/no such file"},
                                .connectable_tcp_ports = {},
                                .bindable_tcp_ports = {}});
    for (const auto& path : report.skipped) teller.say("skipped " + path);
    teller.say_result("passwd", ::open("/etc/passwd", O_RDONLY));
    teller.say_result("write", ::open("/etc/passwd", O_WRONLY));
    teller.say_result("group", ::open("/etc/group", O_RDONLY));
    teller.say_result("stat", ::open("/proc/self/stat", O_RDONLY));
    teller.say_result("fd", ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
    teller.say_result("parent",
                      ::open(fmt::format("/proc/{}/stat", ::getppid()).c_str(), O_RDONLY));
  });
  EXPECT_EQ(outcome.text,
            fmt::format("skipped /no such file\npasswd: 0\nwrite: {0}\ngroup: {0}\nstat: 0\nfd: 0\n"
                        "parent: {0}\n",
                        EACCES));
}

int connect_to(std::uint16_t port) {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address));
}

TEST(Landlock, LetsConnectToThePortThatIsNamed) {
  NEEDS_ABI(kAbiOfTcp);
  const LoopbackListener configured;
  const LoopbackListener other;
  const auto outcome = run_in_child([&](const Teller& teller) {
    static_cast<void>(restrict_with_landlock({.readable_paths = {},
                                              .connectable_tcp_ports = {configured.port()},
                                              .bindable_tcp_ports = {}}));
    teller.say_result("configured", connect_to(configured.port()));
    teller.say_result("other", connect_to(other.port()));
  });
  EXPECT_EQ(outcome.text, fmt::format("configured: 0\nother: {}\n", EACCES));
}

TEST(Landlock, LetsBindThePortThatIsNamed) {
  NEEDS_ABI(kAbiOfTcp);
  std::uint16_t port = 0;
  {
    port = LoopbackListener().port();
  }
  const auto outcome = run_in_child([&](const Teller& teller) {
    static_cast<void>(restrict_with_landlock(
        {.readable_paths = {}, .connectable_tcp_ports = {}, .bindable_tcp_ports = {port}}));
    for (const std::uint16_t wanted : {port, std::uint16_t{0}}) {
      const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(wanted);
      const int done =
          ::bind(fd.get(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof(address));
      teller.say(done == 0 || errno != EACCES ? "let through" : "refused");
    }
  });
  EXPECT_EQ(outcome.text, "let through\nrefused\n");
}

TEST(Landlock, KeepsSignalsInside) {
  NEEDS_ABI(kAbiOfScopes);
  const Sleeper outside;
  const auto outcome = run_in_child([&](const Teller& teller) {
    static_cast<void>(restrict_with_landlock({}));
    teller.say_result("outside", ::kill(outside.pid(), 0));
    teller.say_result("self", ::kill(::getpid(), 0));
  });
  EXPECT_EQ(outcome.text, fmt::format("outside: {}\nself: 0\n", EPERM));
}

TEST(Landlock, NamesNothingUnconfinedOnAKernelThatHasAll) {
  NEEDS_ABI(kAbiOfScopes);
  const auto outcome = run_in_child([](const Teller& teller) {
    const auto report = restrict_with_landlock({});
    for (const auto& what : report.not_confined) teller.say(what);
    teller.say(report.reason);
  });
  EXPECT_EQ(outcome.text, "\n");
}

// Answers to the three calls as an older kernel gives them.
TEST(Landlock, SaysThatItIsNotInEffect) {
  for (const int error : {ENOSYS, EOPNOTSUPP}) {
    const auto outcome = run_in_child([&](const Teller& teller) {
      scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
      if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<unsigned>(error)),
                           SCMP_SYS(landlock_create_ruleset), 0) != 0 ||
          seccomp_load(filter) != 0) {
        fail_child(teller, "seccomp");
      }
      const auto report = restrict_with_landlock({});
      teller.say(fmt::format("{} {} {}", report.abi, report.in_effect(), report.reason));
      for (const auto& what : report.not_confined) teller.say(what);
    });
    EXPECT_THAT(outcome.text, HasSubstr("0 false this kernel has no Landlock"));
    EXPECT_THAT(outcome.text, HasSubstr("\nfiles (Linux 5.13)\n"));
    EXPECT_THAT(outcome.text, HasSubstr("\nTCP ports (Linux 6.7)\n"));
  }
}

}  // namespace
}  // namespace beyla::agent::privileges
