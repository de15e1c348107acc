#include "agent/broker/mux_choice.h"

#include <gtest/gtest.h>

namespace beyla::broker {
namespace {

using Step = MuxChoice::Step;

abi::go_mux_use use(std::uint64_t hits, std::uint64_t copies, std::uint64_t unrouted) {
  return {.hits = hits, .copies = copies, .unrouted = unrouted, .routed = 0};
}

TEST(MuxChoice, RequestsWithTheirRoutesAreTrafficToo) {
  abi::go_mux_use use{};
  use.routed = 5;
  EXPECT_EQ(requests_in(use), 5U);
}

TEST(MuxChoice, GoesAfterManyRequestsWithoutACopy) {
  MuxChoice choice;
  EXPECT_EQ(choice.next(use(0, 0, 0)), Step::none);
  EXPECT_EQ(choice.next(use(999, 0, 999)), Step::none);
  EXPECT_EQ(choice.next(use(1000, 0, 999)), Step::detach);
  EXPECT_EQ(choice.next(use(1000, 0, 999)), Step::none);
  EXPECT_TRUE(choice.is_open());
}

TEST(MuxChoice, StaysWhereThereIsOneCopy) {
  MuxChoice choice;
  EXPECT_EQ(choice.next(use(1'000'000, 1, 0)), Step::none);
  EXPECT_FALSE(choice.is_open());
  EXPECT_EQ(choice.next(use(2'000'000, 1, 2'000'000)), Step::none);
}

TEST(MuxChoice, ComesBackWhenRoutesAreMissing) {
  MuxChoice choice;
  ASSERT_EQ(choice.next(use(1000, 0, 50)), Step::detach);
  EXPECT_EQ(choice.next(use(1000, 0, 65)), Step::none);
  EXPECT_EQ(choice.next(use(1000, 0, 66)), Step::attach);
  EXPECT_EQ(choice.next(use(1999, 0, 80)), Step::none);
  EXPECT_EQ(choice.next(use(1999, 1, 80)), Step::none);
  EXPECT_FALSE(choice.is_open());
}

TEST(MuxChoice, EachTimeLaterAndNotForEver) {
  MuxChoice choice;
  abi::go_mux_use counts{};
  std::uint64_t patience = MuxChoice::kUnrouted;
  for (std::uint32_t again = 1; again < MuxChoice::kMaxTries; ++again) {
    counts.hits += MuxChoice::kHitsInVain;
    ASSERT_EQ(choice.next(counts), Step::detach);
    counts.unrouted += patience - 1;
    ASSERT_EQ(choice.next(counts), Step::none) << again;
    ++counts.unrouted;
    ASSERT_EQ(choice.next(counts), Step::attach) << again;
    patience *= MuxChoice::kMorePatience;
  }
  counts.hits += MuxChoice::kHitsInVain;
  EXPECT_EQ(choice.next(counts), Step::detach);
  EXPECT_FALSE(choice.is_open());
  counts.unrouted = ~std::uint64_t{0};
  EXPECT_EQ(choice.next(counts), Step::none);
}

TEST(MuxChoice, WhatCouldNotBePutBackIsTriedAgainLater) {
  MuxChoice choice;
  abi::go_mux_use counts = use(MuxChoice::kHitsInVain, 0, 0);
  ASSERT_EQ(choice.next(counts), MuxChoice::Step::detach);
  std::uint64_t patience = MuxChoice::kUnrouted;
  for (std::uint32_t tries = 1; tries < MuxChoice::kMaxTries; ++tries) {
    counts.unrouted += patience;
    ASSERT_EQ(choice.next(counts), MuxChoice::Step::attach);
    choice.take_back(counts);
    patience *= MuxChoice::kMorePatience;
    counts.unrouted += patience - 1;
    EXPECT_EQ(choice.next(counts), MuxChoice::Step::none);
    counts.unrouted -= patience - 1;
  }
  EXPECT_FALSE(choice.is_open());
}

}  // namespace
}  // namespace beyla::broker
