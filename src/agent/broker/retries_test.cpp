#include "agent/broker/retries.h"

#include <gtest/gtest.h>

#include <vector>

namespace beyla::broker {
namespace {

using namespace std::chrono_literals;

constexpr model::ProcessKey kOne{1, 0, 10};
constexpr model::ProcessKey kTwo{2, 0, 20};

base::BootTime at(std::chrono::seconds time) { return base::BootTime(time); }

TEST(Retries, AProcessIsTriedAgainWithGrowingWaitsAndThenGivenUp) {
  Retries retries;
  base::BootTime now = at(100s);
  std::vector<std::chrono::seconds> waits;
  while (retries.put(kOne, now)) {
    ASSERT_TRUE(retries.due());
    waits.push_back(std::chrono::duration_cast<std::chrono::seconds>(*retries.due() - now));
    EXPECT_EQ(retries.take(*retries.due() - 1ns), std::nullopt);
    now = *retries.due();
    EXPECT_EQ(retries.take(now), kOne);
    EXPECT_TRUE(retries.knows(kOne));
  }
  EXPECT_EQ(waits, (std::vector{1s, 2s, 4s, 8s, 16s, 32s, 64s, 64s, 64s, 64s}));
  EXPECT_FALSE(retries.knows(kOne));
  EXPECT_EQ(retries.due(), std::nullopt);
}

TEST(Retries, TheOneWhoseTimeCameFirstIsFirst) {
  Retries retries;
  EXPECT_TRUE(retries.put(kOne, at(1s), at(20s)));
  EXPECT_TRUE(retries.put(kTwo, at(5s)));
  EXPECT_EQ(retries.due(), at(6s));
  EXPECT_EQ(retries.take(at(30s)), kTwo);
  EXPECT_EQ(retries.take(at(19s)), std::nullopt);
  EXPECT_EQ(retries.take(at(20s)), kOne);
}

TEST(Retries, OneThatNeedsNoneIsForgotten) {
  Retries retries;
  EXPECT_TRUE(retries.put(kOne, at(1s)));
  retries.forget(kOne);
  retries.forget(kTwo);
  EXPECT_EQ(retries.take(at(9s)), std::nullopt);
  EXPECT_TRUE(retries.put(kOne, at(10s)));
  EXPECT_EQ(retries.due(), at(11s));  // as if it had never been turned away
}

TEST(Retries, OneThatWaitsAlreadyWaitsOnce) {
  Retries retries;
  EXPECT_TRUE(retries.put(kOne, at(1s)));
  EXPECT_TRUE(retries.put(kOne, at(9s)));
  EXPECT_EQ(retries.take(at(9s)), kOne);
  EXPECT_EQ(retries.take(at(99s)), std::nullopt);
}

TEST(Retries, OnlySoManyWait) {
  Retries retries;
  for (std::uint32_t pid = 0; pid < Retries::kMaxProcesses; ++pid) {
    ASSERT_TRUE(retries.put({pid, 7, 0}, at(1s)));
  }
  EXPECT_FALSE(retries.put(kOne, at(1s)));
  EXPECT_TRUE(retries.put({0, 7, 0}, at(1s)));  // no further one
  retries.forget({0, 7, 0});
  EXPECT_TRUE(retries.put(kOne, at(1s)));
}

}  // namespace
}  // namespace beyla::broker
