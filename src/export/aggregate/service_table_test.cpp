#include "export/aggregate/service_table.h"

#include <gtest/gtest.h>

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

TEST(ServiceTable, ForgetsAServiceWithoutSeriesAtOnce) {
  ServiceTable table(5min);
  table.process_started({1, 0, 1}, "shop", at(0s));
  EXPECT_EQ(table.size(), 1U);
  table.process_ended({1, 0, 1}, at(1s));
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.next_due(), std::nullopt);
}

TEST(ServiceTable, ToldTwiceOfAProcessCountsItOnce) {
  ServiceTable table(5min);
  table.process_started({1, 0, 1}, "shop", at(0s));
  table.process_started({1, 0, 1}, "shop", at(0s));
  table.process_ended({1, 0, 1}, at(1s));
  EXPECT_EQ(table.size(), 0U);
}

TEST(ServiceTable, AReusedPidEndsTheProcessBefore) {
  ServiceTable table(5min);
  table.process_started({1, 0, 1}, "shop", at(0s));
  table.process_started({1, 0, 99}, "till", at(5s));
  EXPECT_EQ(table.size(), 1U);
  table.process_ended({1, 0, 1}, at(6s));
  EXPECT_EQ(table.size(), 1U) << "the end of the old one is no end of the new one";
}

TEST(ServiceTable, DueIsTheEarliestAndIsFoundAnew) {
  ServiceTable table(10s);
  ++table.open("a", at(1s)).series;
  auto& b = table.open("b", at(5s));
  ++b.series;
  EXPECT_EQ(table.next_due(), at(11s));
  EXPECT_FALSE(table.is_over(b, at(15s - 1ns)));
  EXPECT_TRUE(table.is_over(b, at(15s)));
  table.forget_over(at(11s));
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.next_due(), at(15s));
  table.process_started({1, 0, 1}, "b", at(12s));
  table.forget_over(at(20s));
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.next_due(), std::nullopt);
}

TEST(ServiceTable, ProcessesAreBounded) {
  ServiceTable table(10s);
  for (std::uint32_t pid = 1; pid <= ServiceTable::kMaxProcesses + 5; ++pid) {
    table.process_started({pid, 0, 1}, std::to_string(pid), at(0s));
  }
  EXPECT_EQ(table.size(), ServiceTable::kMaxProcesses);
}

}  // namespace
}  // namespace beyla::exporters::aggregate
