#include "agent/privileges/hardening.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
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

// The parent ends once the child is bound; the test, who inherits the child, sees how it ended.
TEST(DieWithParent, KillsTheChildOfAParentThatEnds) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  const auto outcome = run_in_child([](const Teller& teller) {
    int bound[2] = {-1, -1};
    if (::pipe2(bound, O_CLOEXEC) != 0) fail_child(teller, "pipe2");
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(20);
      require(teller, become_nobody({}));
      require(teller, die_with_parent(parent));
      if (::write(bound[1], "b", 1) != 1) fail_child(teller, "write");
      while (true) ::pause();
    }
    teller.say(std::to_string(child));
    char byte = 0;
    ::close(bound[1]);
    if (::read(bound[0], &byte, 1) != 1) fail_child(teller, "not bound");
  });
  ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
  ASSERT_TRUE(outcome.ended_well()) << outcome.text;
  int status = 0;
  ASSERT_GT(::waitpid(std::stoi(outcome.text), &status, 0), 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
}

TEST(DieWithParent, SeesThatTheParentIsGoneAlready) {
  const auto outcome = run_in_child([](const Teller& teller) {
    teller.say(die_with_parent(::getppid() + 1) ? "alive" : "gone");
    teller.say(die_with_parent(::getppid()) ? "alive" : "gone");
  });
  EXPECT_EQ(outcome.text, "gone\nalive\n");
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

void close_and_tell(const Teller& teller) {
  // 0 .. 2 are whatever the test was given.
  for (const int fd : {40, 41, 42, 43, 900}) ::dup2(teller.fd(), fd);
  const int kept[] = {43, -1, 41, teller.fd(), 777, 41};
  require(teller, close_all_fds_but(kept));
  for (const int fd : {0, 1, 2, 40, 41, 42, 43, 777, 900}) {
    if (is_open(fd)) teller.say(std::to_string(fd));
  }
}

TEST(CloseAllFdsBut, LeavesThoseNamedOnly) {
  const auto outcome = run_in_child(close_and_tell);
  EXPECT_EQ(outcome.text, "41\n43\n");
}

TEST(CloseAllFdsBut, DoesItWithoutCloseRangeToo) {
  const auto outcome = run_in_child([](const Teller& teller) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(close_range), 0) != 0 ||
        seccomp_load(filter) != 0) {
      fail_child(teller, "seccomp");
    }
    seccomp_release(filter);
    close_and_tell(teller);
  });
  EXPECT_EQ(outcome.text, "41\n43\n");
}

TEST(CloseAllFdsBut, ClosesAllWhenNoneIsNamed) {
  const auto outcome = run_in_child([](const Teller&) {
    if (!close_all_fds_but({})) ::_exit(1);
    for (int fd = 0; fd < 1024; ++fd) {
      if (is_open(fd)) ::_exit(2);
    }
  });
  EXPECT_TRUE(outcome.ended_well());
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
