#include "agent/broker/restart_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <vector>

namespace beyla::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

struct Life {
  base::BootTime now{std::chrono::hours(1)};
  RestartPolicy policy;

  // Starts, lives so long and ends; gives how long the next start waits.
  RestartPolicy::Decision live(std::chrono::nanoseconds lasting, bool delivers,
                               const char* why = "exit code 1") {
    policy.on_started(now);
    if (delivers) policy.on_delivered();
    now += lasting;
    return policy.on_ended(why, now);
  }
  std::chrono::nanoseconds wait_after(std::chrono::nanoseconds lasting, bool delivers) {
    const auto wait = live(lasting, delivers).start_at - now;
    now += wait;
    return wait;
  }
};

TEST(RestartPolicy, OneThatWorkedIsStartedAtOnce) {
  Life life;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(life.wait_after(seconds(1), true), seconds(0));
}

TEST(RestartPolicy, StartsAreApart) {
  Life life;
  EXPECT_EQ(life.wait_after(milliseconds(0), true), milliseconds(20));
  EXPECT_EQ(life.wait_after(milliseconds(15), true), milliseconds(5));
  EXPECT_EQ(life.wait_after(milliseconds(20), true), milliseconds(0));
}

TEST(RestartPolicy, ThreeDeathsWithoutAnEventBeginTheBackOff) {
  Life life;
  std::vector<std::chrono::nanoseconds> waits;
  waits.reserve(10);
  for (int i = 0; i < 10; ++i) waits.push_back(life.wait_after(seconds(1), false));
  EXPECT_THAT(waits,
              testing::ElementsAre(seconds(0), seconds(0), seconds(1), seconds(2), seconds(4),
                                   seconds(8), seconds(16), seconds(30), seconds(30), seconds(30)));
}

TEST(RestartPolicy, ManyDeathsOverflowNothing) {
  Life life;
  for (int i = 0; i < 10'000; ++i) life.wait_after(seconds(1), false);
  EXPECT_EQ(life.wait_after(seconds(1), false), seconds(30));
}

TEST(RestartPolicy, AnEventForgivesAll) {
  Life life;
  for (int i = 0; i < 9; ++i) life.wait_after(seconds(1), false);
  EXPECT_EQ(life.wait_after(seconds(1), true), seconds(0));
  EXPECT_EQ(life.wait_after(seconds(1), false), seconds(0));
  EXPECT_EQ(life.wait_after(seconds(1), false), seconds(0));
  EXPECT_EQ(life.wait_after(seconds(1), false), seconds(1));
}

TEST(RestartPolicy, AWaitCountsFromTheDeath) {
  Life life;
  life.wait_after(seconds(1), false);
  life.wait_after(seconds(1), false);
  EXPECT_EQ(life.wait_after(milliseconds(0), false), seconds(1));
}

TEST(RestartPolicy, SaysWhyAndHowLong) {
  Life life;
  EXPECT_THAT(*life.live(seconds(1), false, "killed by SIGSEGV").say,
              HasSubstr("(killed by SIGSEGV) and is started again"));
  life.live(seconds(1), false);
  EXPECT_THAT(*life.live(seconds(1), false, "killed by SIGSEGV").say,
              HasSubstr("(killed by SIGSEGV) again without having delivered an event; the next "
                        "start is in 1 s"));
}

TEST(RestartPolicy, SaysItOncePerChange) {
  Life life;
  std::vector<bool> said;
  for (int i = 0; i < 10; ++i) said.push_back(life.live(seconds(1), false).say.has_value());
  // The first; not the second, which is the same; then each new wait up to the longest.
  EXPECT_EQ(said,
            (std::vector<bool>{true, false, true, true, true, true, true, true, false, false}));
  EXPECT_FALSE(life.live(seconds(120), false).say.has_value());
  EXPECT_TRUE(life.live(seconds(1), false, "exit code 2").say.has_value());
}

TEST(RestartPolicy, DeathsOfWorkingOnesAreSaidAgainAfterAMinute) {
  Life life;
  EXPECT_TRUE(life.live(seconds(1), true).say.has_value());
  EXPECT_FALSE(life.live(seconds(59), true).say.has_value());
  EXPECT_TRUE(life.live(seconds(1), true).say.has_value());
  EXPECT_FALSE(life.live(seconds(59), true).say.has_value());
}

// What wait() gives of a child that ends so.
template <typename Do>
int status_of(Do&& in_child) {
  const pid_t child = ::fork();
  if (child == 0) {
    in_child();
    ::_exit(99);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

int status_of_signal(int number) {
  return status_of([number] {
    std::signal(number, SIG_DFL);
    ::kill(::getpid(), number);
  });
}

TEST(RestartPolicy, EndsHaveNames) {
  EXPECT_EQ(describe_end(status_of([] { ::_exit(0); })), "exit code 0");
  EXPECT_EQ(describe_end(status_of([] { ::_exit(3); })), "exit code 3");
  EXPECT_EQ(describe_end(status_of_signal(SIGTERM)), "killed by SIGTERM");
  EXPECT_EQ(describe_end(status_of_signal(SIGRTMIN + 1)),
            "killed by signal " + std::to_string(SIGRTMIN + 1));
  EXPECT_EQ(describe_end(status_of_signal(SIGXCPU)), "killed by its CPU limit (SIGXCPU)");
  EXPECT_EQ(describe_end(status_of_signal(SIGSYS)), "killed by its system call filter (SIGSYS)");
  EXPECT_THAT(describe_end(status_of_signal(SIGKILL)), HasSubstr("killed by SIGKILL"));
}

}  // namespace
}  // namespace beyla::broker
