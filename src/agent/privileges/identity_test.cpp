#include "agent/privileges/identity.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>
#include <vector>

#include "agent/privileges/capabilities.h"
#include "agent/privileges/hardening.h"
#include "agent/privileges/testing/child.h"

namespace beyla::agent::privileges {
namespace {

using ::testing::HasSubstr;
using testing::run_in_child;
using testing::Teller;

constexpr const char* kNeedsRoot = "needs root: another user keeps its uid";

std::string own_status() {
  const std::ifstream file("/proc/self/status");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(BecomeNobody, LeavesTheCapabilitiesWantedToANobodyWithoutGroups) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  const auto outcome = run_in_child([](const Teller& teller) {
    const gid_t groups[] = {0, 4, 27};
    if (::setgroups(3, groups) != 0) fail_child(teller, "setgroups");
    require(teller, become_nobody(kBrokerCapabilities));
    teller.say(own_status());
  });
  EXPECT_TRUE(outcome.ended_well()) << outcome.text;
  // PERFMON 38, BPF 39, SYS_PTRACE 19, DAC_READ_SEARCH 2
  for (const char* line :
       {"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n",
        "CapInh:\t0000000000000000\n", "CapPrm:\t000001c000080004\n", "CapEff:\t000001c000080004\n",
        "CapBnd:\t000001c000080004\n", "CapAmb:\t0000000000000000\n"}) {
    EXPECT_THAT(outcome.text, HasSubstr(line));
  }
}

TEST(BecomeNobody, EndsWithTheParentAsBefore) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  for (const int wanted : {0, SIGUSR1}) {
    const auto outcome = run_in_child([wanted](const Teller& teller) {
      ::prctl(PR_SET_PDEATHSIG, wanted, 0, 0, 0);
      require(teller, become_nobody(kBrokerCapabilities));
      int signal = -1;
      ::prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0);
      teller.say(std::to_string(signal));
    });
    EXPECT_EQ(outcome.text, std::to_string(wanted) + "\n");
  }
}

TEST(BecomeNobody, CannotBeUndone) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  const auto outcome = run_in_child([](const Teller& teller) {
    require(teller, become_nobody(kBrokerCapabilities));
    teller.say_result("setuid", ::setuid(0));
    teller.say_result("setgid", ::setgid(0));
    teller.say_result("setgroups", ::setgroups(0, nullptr));
    teller.say(fmt::format("keepcaps {}", ::prctl(PR_GET_KEEPCAPS)));
  });
  EXPECT_EQ(outcome.text,
            fmt::format("setuid: {0}\nsetgid: {0}\nsetgroups: {0}\nkeepcaps 0\n", EPERM));
}

TEST(BecomeNobody, FailsAloudWithoutThePowerToDoIt) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  for (const std::vector<int>& held : {std::vector{CAP_SETGID, CAP_BPF}, std::vector{CAP_BPF}}) {
    const auto outcome = run_in_child([&](const Teller& teller) {
      require(teller, keep_only(held));
      const auto done = become_nobody({});
      teller.say(done ? "done" : done.error().message());
    });
    EXPECT_THAT(outcome.text, HasSubstr("Operation not permitted"));
  }
}

TEST(BecomeNobody, LeavesTheUidToAnotherUserAndTakesTheCapabilities) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: to become another user with capabilities";
  const auto outcome = run_in_child([](const Teller& teller) {
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) fail_child(teller, "keepcaps");
    if (::setresuid(1234, 1234, 1234) != 0) fail_child(teller, "setresuid");
    constexpr int kKept[] = {CAP_BPF};
    require(teller, become_nobody(kKept));
    const auto sets = own_capabilities();
    require(teller, sets);
    teller.say(fmt::format("{} {:x}", ::getuid(), sets->effective));
  });
  EXPECT_EQ(outcome.text, fmt::format("1234 {:x}\n", bit_of(CAP_BPF)));
}

}  // namespace
}  // namespace beyla::agent::privileges
