#include "agent/broker/target_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace beyla::broker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

std::string text_of(const TargetLog::Change& change) {
  const char* const kinds[] = {"", "selected", "rejected", "exited"};
  return std::string(kinds[change.kind]) + ' ' + std::to_string(change.key.pid) + '/' +
         std::to_string(change.key.exec_generation) +
         (change.service_name.empty() ? "" : ' ' + change.service_name);
}

struct Log {
  void select(std::uint32_t pid, std::uint32_t generation, std::chrono::nanoseconds time) {
    log.on_selected({{pid, generation, 1}, {"s"}}, at(time));
  }
  void reject(std::uint32_t pid, std::uint32_t generation, std::chrono::nanoseconds time) {
    log.on_rejected({pid, generation, 1}, at(time));
  }
  void exit(std::uint32_t pid, std::uint32_t generation, std::chrono::nanoseconds time) {
    log.on_exited({pid, generation, 1}, at(time));
  }
  std::vector<std::string> read() {
    std::vector<std::string> changes;
    for (; log.read() < log.size(); log.advance()) changes.push_back(text_of(log.next()));
    return changes;
  }
  std::vector<std::string> retold(std::chrono::nanoseconds now) {
    log.rewind(at(now));
    return read();
  }
  TargetLog log;
};

TEST(TargetLog, ANewReaderHearsWhatThePreviousOneDid) {
  Log log;
  log.select(1, 0, seconds(1));
  log.reject(2, 0, seconds(2));
  log.select(3, 0, seconds(3));
  log.exit(1, 0, seconds(4));
  const std::vector<std::string> all = {"selected 1/0 s", "rejected 2/0", "selected 3/0 s",
                                        "exited 1/0"};
  EXPECT_EQ(log.retold(seconds(5)), all);
  EXPECT_THAT(log.read(), IsEmpty());
  EXPECT_EQ(log.retold(seconds(6)), all);
  log.exit(3, 0, seconds(7));
  EXPECT_THAT(log.read(), ElementsAre("exited 3/0"));
}

TEST(TargetLog, ChangesKeepTheirTimes) {
  Log log;
  log.select(1, 0, seconds(10));
  log.exit(1, 0, seconds(20));
  log.log.rewind(at(seconds(30)));
  EXPECT_EQ(log.log.next().time, at(seconds(10)));
  log.log.advance();
  EXPECT_EQ(log.log.next().time, at(seconds(20)));
}

TEST(TargetLog, TheEndedAndTheRejectedAreKeptForAMinute) {
  Log log;
  log.select(1, 0, seconds(1));
  log.select(2, 0, seconds(1));
  log.reject(3, 0, seconds(2));
  log.exit(1, 0, seconds(100));
  log.reject(4, 0, seconds(100));
  EXPECT_THAT(log.retold(seconds(160)),
              ElementsAre("selected 1/0 s", "selected 2/0 s", "exited 1/0", "rejected 4/0"));
  EXPECT_THAT(log.retold(seconds(160) + milliseconds(1)), ElementsAre("selected 2/0 s"));
  EXPECT_THAT(log.retold(std::chrono::hours(1'000)), ElementsAre("selected 2/0 s"));
}

TEST(TargetLog, EndsOfWhatIsNoTargetAreLeftOut) {
  Log log;
  log.exit(1, 0, seconds(1));
  log.reject(2, 0, seconds(1));
  log.exit(2, 0, seconds(2));
  log.select(3, 1, seconds(3));
  log.exit(3, 0, seconds(4));  // an older image
  EXPECT_EQ(log.log.targets(), 1U);
  log.exit(3, 1, seconds(5));
  log.exit(3, 1, seconds(6));
  EXPECT_THAT(log.retold(seconds(7)), ElementsAre("rejected 2/0", "selected 3/1 s", "exited 3/1"));
}

TEST(TargetLog, TheNextImageOfAPidEndsTheOneBefore) {
  Log log;
  log.select(1, 0, seconds(1));
  log.select(1, 1, seconds(2));
  log.reject(1, 2, seconds(3));
  log.reject(1, 3, seconds(4));
  EXPECT_THAT(log.retold(seconds(5)), ElementsAre("selected 1/0 s", "exited 1/0", "selected 1/1 s",
                                                  "exited 1/1", "rejected 1/2", "rejected 1/3"));
  EXPECT_EQ(log.log.targets(), 0U);
}

TEST(TargetLog, ASecondSelectionIsNoChange) {
  Log log;
  log.select(1, 0, seconds(1));
  log.select(1, 0, seconds(2));
  EXPECT_THAT(log.retold(seconds(3)), ElementsAre("selected 1/0 s"));
}

TEST(TargetLog, AKeyThatComesBackOutlivesItsFirstEnd) {
  Log log;
  log.select(1, 0, seconds(1));
  log.exit(1, 0, seconds(2));
  log.select(1, 0, seconds(50));
  EXPECT_THAT(log.retold(seconds(70)), ElementsAre("selected 1/0 s"));
  EXPECT_EQ(log.log.standing({1, 0, 1}), Standing::target);
}

TEST(TargetLog, KnowsWhoIsATargetNow) {
  Log log;
  log.select(1, 1, seconds(1));
  EXPECT_EQ(log.log.standing({1, 1, 1}), Standing::target);
  EXPECT_EQ(log.log.standing({1, 0, 1}), Standing::other_image);
  EXPECT_EQ(log.log.standing({1, 1, 2}), Standing::other_image);
  EXPECT_EQ(log.log.standing({2, 1, 1}), Standing::unknown);
  log.exit(1, 1, seconds(2));
  EXPECT_EQ(log.log.standing({1, 1, 1}), Standing::unknown);
}

TEST(TargetLog, NothingIsForgottenBeforeItWasRead) {
  Log log;
  log.log.rewind(at(seconds(0)));
  log.select(1, 0, seconds(1));
  log.exit(1, 0, seconds(2));
  log.select(2, 0, seconds(3));
  log.log.advance();  // the selection of 1 only
  log.reject(3, 0, seconds(200));
  log.reject(4, 0, seconds(400));
  EXPECT_THAT(log.read(),
              ElementsAre("exited 1/0", "selected 2/0 s", "rejected 3/0", "rejected 4/0"));
  log.select(5, 0, seconds(500));
  EXPECT_THAT(log.read(), ElementsAre("selected 5/0 s"));
  EXPECT_EQ(log.log.size(), 2U);
}

TEST(TargetLog, WhatTheLastReaderLeftUnreadIsForgottenForTheNext) {
  Log log;
  log.log.rewind(at(seconds(0)));
  log.reject(1, 0, seconds(1));
  log.reject(2, 0, seconds(100));
  EXPECT_THAT(log.retold(seconds(100)), ElementsAre("rejected 2/0"));
}

TEST(TargetLog, WithoutAReaderNothingIsKeptForOne) {
  Log log;
  log.log.rewind(at(seconds(0)));
  log.log.close();
  for (std::uint32_t i = 1; i <= 1'000; ++i) log.reject(i, 0, seconds(100) * i);
  EXPECT_LE(log.log.size(), 2U);
}

TEST(TargetLog, NamesAreCutToTheMessage) {
  TargetLog log;
  log.on_selected({{1, 0, 1}, {std::string(5'000, 'n')}}, at(seconds(1)));
  log.rewind(at(seconds(1)));
  EXPECT_EQ(log.next().service_name, std::string(abi::kServiceNameBytes - 1, 'n'));
}

// 300 rejected ones a second, as by a name selector on a busy machine: a minute of them is more
// than many, so that the old go after two seconds.
TEST(TargetLog, ManyShortProcessesAreForgottenSooner) {
  Log log;
  log.log.rewind(at(seconds(0)));
  std::size_t most = 0;
  for (std::uint32_t i = 0; i < 30'000; ++i) {
    log.reject(1 + i, 0, milliseconds(3) * i);
    log.read();
    most = std::max(most, log.log.size());
  }
  EXPECT_LE(most, TargetLog::kManyPast + 1'000);
  EXPECT_THAT(log.retold(milliseconds(3) * 30'000), testing::SizeIs(testing::Ge(600U)));
}

// All within one second: not even two seconds may be kept.
TEST(TargetLog, APlagueOfProcessesIsBounded) {
  Log log;
  log.log.rewind(at(seconds(0)));
  std::size_t most = 0;
  std::size_t least = TargetLog::kMaxPast;  // once there were so many
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const auto time = seconds(10) + std::chrono::nanoseconds(i);
    log.select(1 + i, 0, time);
    log.exit(1 + i, 0, time);
    log.read();
    most = std::max(most, log.log.size());
    if (most >= TargetLog::kMaxPast) least = std::min(least, log.log.size());
  }
  EXPECT_LE(most, TargetLog::kMaxPast + 16'384);
  EXPECT_GE(least, TargetLog::kMaxPast - 2);
  EXPECT_GE(most, TargetLog::kMaxPast);
  const auto last = log.retold(seconds(11));
  ASSERT_GE(last.size(), 2U);
  EXPECT_EQ(last[last.size() - 2], "selected 100000/0 s");
  EXPECT_EQ(last[last.size() - 1], "exited 100000/0");
}

TEST(TargetLog, OfTooManyTargetsTheOldestIsGivenUp) {
  Log log;
  log.select(TargetLog::kMaxTargets + 2, 0, seconds(1));  // older, and ended
  log.exit(TargetLog::kMaxTargets + 2, 0, seconds(1));
  for (std::uint32_t i = 1; i <= TargetLog::kMaxTargets; ++i) log.select(i, 0, seconds(1));
  EXPECT_EQ(log.log.targets_forgotten(), 0U);
  log.select(TargetLog::kMaxTargets + 1, 0, seconds(2));
  EXPECT_EQ(log.log.targets_forgotten(), 1U);
  EXPECT_EQ(log.log.targets(), TargetLog::kMaxTargets);
  EXPECT_EQ(log.log.standing({1, 0, 1}), Standing::unknown);
  EXPECT_EQ(log.log.standing({2, 0, 1}), Standing::target);
  EXPECT_EQ(log.log.standing({TargetLog::kMaxTargets + 1, 0, 1}), Standing::target);
  const auto all = log.retold(seconds(2));
  EXPECT_EQ(all[all.size() - 2], "exited 1/0");
}

}  // namespace
}  // namespace beyla::broker
