#include "agent/privileges/hardening.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <ranges>
#include <string>
#include <string_view>

#include "agent/privileges/identity.h"
#include "agent/privileges/testing/child.h"

namespace beyla::agent::privileges {
namespace {

using testing::ChildOutcome;
using testing::run_in_child;
using testing::Teller;

TEST(HardenProcess, StaysWhereItComesAfterTheChangeOfTheUid) {
  const auto outcome = run_in_child([](const Teller& teller) {
    require(teller, become_nobody({}));
    require(teller, harden_process());
    rlimit core{1, 1};
    ::getrlimit(RLIMIT_CORE, &core);
    teller.say(fmt::format("{} {} {} {}", ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
                           ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), core.rlim_cur, core.rlim_max));
  });
  EXPECT_EQ(outcome.text, "1 0 0 0\n");
}

TEST(ForgetEnvironment, LeavesNothingButTheTimeZone) {
  const auto outcome = run_in_child([](const Teller& teller) {
    ::setenv("TZ", "UTC", 1);
    ::setenv("LATER_SECRET", "s3crett0ken", 1);
    forget_environment();
    std::ifstream file("/proc/self/environ");
    const std::string inherited(std::istreambuf_iterator<char>(file), {});
    std::string left;
    for (const auto part : std::views::split(inherited, '\0')) {
      const std::string_view text(part.begin(), part.end());
      if (!text.starts_with("TZ=")) left += text;
    }
    const char* const zone = ::getenv("TZ");
    teller.say(fmt::format("{} left of {}; {} {}", left.size(), inherited.empty() ? "none" : "some",
                           ::getenv("LATER_SECRET") == nullptr, zone == nullptr ? "none" : zone));
  });
  EXPECT_EQ(outcome.text, "0 left of some; true UTC\n");
}

TEST(Limit, LowersBothAndNeverRaises) {
  const auto outcome = run_in_child([](const Teller& teller) {
    for (const std::uint64_t most : {100ULL, 50ULL, 80ULL, ~0ULL}) {
      require(teller, limit(Resource::open_files, most));
      rlimit now{};
      ::getrlimit(RLIMIT_NOFILE, &now);
      teller.say(fmt::format("{} {}", now.rlim_cur, now.rlim_max));
    }
  });
  EXPECT_EQ(outcome.text, "100 100\n50 50\n50 50\n50 50\n");
}

TEST(Limit, EndsWhoComputesForTooLong) {
  const auto outcome = run_in_child([](const Teller& teller) {
    require(teller, limit(Resource::cpu_seconds, 1));
    for (std::atomic<unsigned long> rounds = 0;; ++rounds) {
    }
  });
  EXPECT_TRUE(outcome.killed_by(SIGKILL) || outcome.killed_by(SIGXCPU)) << outcome.wait_status;
}

TEST(Limit, RefusesFurtherProcessesOfANobody) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root: to become a user without other processes";
  const auto outcome = run_in_child([](const Teller& teller) {
    require(teller, become_nobody({}));
    require(teller, limit(Resource::processes, 0));
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    teller.say_result("fork", child);
  });
  EXPECT_EQ(outcome.text, fmt::format("fork: {}\n", EAGAIN));
}

TEST(Limit, CoversFilesAndMemory) {
  const auto outcome = run_in_child([](const Teller& teller) {
    require(teller, limit(Resource::file_size_bytes, 10));
    require(teller, limit(Resource::address_space_bytes, 1ULL << 40U));
    rlimit size{};
    rlimit memory{};
    ::getrlimit(RLIMIT_FSIZE, &size);
    ::getrlimit(RLIMIT_AS, &memory);
    teller.say(fmt::format("{} {:x}", size.rlim_max, memory.rlim_max));
  });
  EXPECT_EQ(outcome.text, "10 10000000000\n");
}

}  // namespace
}  // namespace beyla::agent::privileges
