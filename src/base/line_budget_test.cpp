#include "base/line_budget.h"

#include <gtest/gtest.h>

namespace beyla::base {
namespace {

using namespace std::chrono_literals;

TEST(LineBudget, AStormIsCutAndItsRestCounted) {
  LineBudget budget;
  BootTime now(1000s);
  for (std::int64_t line = 0; line < LineBudget::kAtOnce; ++line) {
    ASSERT_EQ(budget.take(now), 0U);
  }
  for (int line = 0; line < 7; ++line) EXPECT_EQ(budget.take(now + 999ms), std::nullopt);
  EXPECT_EQ(budget.take(now + 1s), 7U);
  EXPECT_EQ(budget.take(now + 1s), std::nullopt);
  EXPECT_EQ(budget.take(now), std::nullopt);
  EXPECT_EQ(budget.take(now + 2s), 2U);
}

TEST(LineBudget, RestFillsItAgainAndNoMore) {
  LineBudget budget;
  while (budget.take(BootTime(1s))) {
  }
  std::int64_t lines = 0;
  while (budget.take(BootTime(100h))) ++lines;
  EXPECT_EQ(lines, LineBudget::kAtOnce);
}

}  // namespace
}  // namespace beyla::base
