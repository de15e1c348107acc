#include "agent/broker/stranger_budget.h"

#include <gtest/gtest.h>

namespace beyla::broker {
namespace {

using namespace std::chrono_literals;

base::BootTime at(std::chrono::seconds time) { return base::BootTime(time); }

TEST(StrangerBudget, ProbesThatFewStrangersHitMayStay) {
  StrangerBudget budget;
  budget.begin(at(1000s));
  for (int batch = 1; batch < 100; ++batch) {
    EXPECT_FALSE(budget.spend(at(1000s + batch * StrangerBudget::kLeastPause)));
  }
  EXPECT_TRUE(budget.may_stand(at(3000s)));
}

TEST(StrangerBudget, TheFirstBatchCountsFromTheirBeginning) {
  StrangerBudget budget;
  budget.begin(at(1000s));
  EXPECT_TRUE(budget.spend(at(1009s)));
  EXPECT_FALSE(budget.may_stand(at(1009s + StrangerBudget::kFirstBar - 1s)));
  EXPECT_TRUE(budget.may_stand(at(1009s + StrangerBudget::kFirstBar)));
}

TEST(StrangerBudget, WhatComesWhileTheyGoMakesTheBarNoLonger) {
  StrangerBudget budget;
  budget.begin(at(1000s));
  EXPECT_TRUE(budget.spend(at(1001s)));
  EXPECT_TRUE(budget.spend(at(1002s)));
  EXPECT_TRUE(budget.may_stand(at(1001s + StrangerBudget::kFirstBar)));
}

TEST(StrangerBudget, EachTimeTheyStayAwayForLonger) {
  StrangerBudget budget;
  auto now = at(1000s);
  auto bar = StrangerBudget::kFirstBar;
  for (int time = 0; time < 12; ++time) {
    budget.begin(now);
    EXPECT_TRUE(budget.spend(now + 1s));
    EXPECT_FALSE(budget.may_stand(now + bar));
    now += bar + 1s;
    EXPECT_TRUE(budget.may_stand(now));
    bar = std::min(bar * 2, StrangerBudget::kLongestBar);
  }
}

}  // namespace
}  // namespace beyla::broker
