#include "agent/broker/analyses.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "agent/broker/image_test_data.h"
#include "base/fd_message.h"

namespace beyla::broker {
namespace {

using namespace std::chrono_literals;
using ::beyla::broker::testing::FakeProc;
using ::beyla::broker::testing::FakeWorkers;
using ::beyla::broker::testing::go_report;
using ::beyla::broker::testing::other_report;

constexpr probes::loader::FileIdentity kFile{.device = 1, .inode = 2, .bytes = 3};
constexpr probes::loader::FileIdentity kOther{.device = 1, .inode = 4, .bytes = 3};

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

class AnalysesTest : public ::testing::Test {
 protected:
  void start(const std::string& name, const probes::loader::FileIdentity& file,
             base::BootTime now) {
    const base::Fd exe(::open(proc_.file(name).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(analyses_.start(file, exe.get(), now));
  }
  // Of the one worker that is done.
  std::expected<probes::proof::BinaryReport, AnalysisFailure> only_answer(base::BootTime now) {
    auto done = analyses_.collect(now);
    EXPECT_EQ(done.size(), 1U);
    if (done.size() != 1) return std::unexpected(AnalysisFailure::not_started);
    EXPECT_EQ(done[0].file, kFile);
    return done[0].report;
  }
  [[nodiscard]] std::size_t polled() const {
    std::array<pollfd, Analyses::kMaxWorkers> polled{};
    analyses_.wait_with(polled);
    std::size_t count = 0;
    for (const auto& entry : polled) count += entry.fd >= 0 ? 1 : 0;
    return count;
  }

  FakeProc proc_;
  FakeWorkers workers_;
  Analyses analyses_{workers_};
};

TEST_F(AnalysesTest, AWorkerAnswersOnceAndIsEnded) {
  start("a", kFile, at(1s));
  EXPECT_TRUE(analyses_.collect(at(2s)).empty());
  EXPECT_EQ(polled(), 1U);
  workers_.answer("a", go_report());
  const auto report = only_answer(at(2s));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, abi::kBinaryGo);
  EXPECT_EQ(report->points.size(), 1U);
  EXPECT_EQ(workers_.killed, std::vector<std::string>{"a"});
  EXPECT_EQ(polled(), 0U);
  EXPECT_EQ(analyses_.due(), std::nullopt);
}

TEST_F(AnalysesTest, NoMoreThanAFewRun) {
  start("a", kFile, at(1s));
  EXPECT_TRUE(analyses_.has_room());
  start("b", kOther, at(2s));
  EXPECT_FALSE(analyses_.has_room());
  EXPECT_EQ(polled(), Analyses::kMaxWorkers);
  workers_.answer("b", other_report());
  const auto done = analyses_.collect(at(2s));
  ASSERT_EQ(done.size(), 1U);
  EXPECT_EQ(done[0].file, kOther);
  EXPECT_TRUE(analyses_.has_room());
}

TEST_F(AnalysesTest, OneThatEndsWithoutAnAnswerHasDied) {
  start("a", kFile, at(1s));
  workers_.die("a");
  EXPECT_EQ(only_answer(at(1s)).error(), AnalysisFailure::died);
}

TEST_F(AnalysesTest, OneThatIsLateIsKilled) {
  start("a", kFile, at(1s));
  const auto deadline = at(1s) + Analyses::kDeadline;
  EXPECT_EQ(analyses_.due(), deadline);
  EXPECT_TRUE(analyses_.collect(deadline - 1ns).empty());
  EXPECT_TRUE(workers_.killed.empty());
  EXPECT_EQ(only_answer(deadline).error(), AnalysisFailure::timed_out);
  EXPECT_EQ(workers_.killed, std::vector<std::string>{"a"});
}

TEST_F(AnalysesTest, WhatNoWorkerMaySendIsMalformed) {
  struct Longer {
    abi::binary_report report = go_report();
    std::uint8_t more = 0;
  };
  start("a", kFile, at(1s));
  workers_.answer("a", std::uint32_t{1});
  EXPECT_EQ(only_answer(at(1s)).error(), AnalysisFailure::malformed);

  start("a", kFile, at(1s));
  workers_.answer("a", Longer{});
  EXPECT_EQ(only_answer(at(1s)).error(), AnalysisFailure::malformed);

  start("a", kFile, at(1s));
  auto lie = go_report();
  lie.version = 0;
  workers_.answer("a", lie);
  EXPECT_EQ(only_answer(at(1s)).error(), AnalysisFailure::malformed);

  start("a", kFile, at(1s));
  const auto report = go_report();
  const int gift = workers_.running["a"].get();
  ASSERT_EQ(base::send_message(gift, std::as_bytes(std::span(&report, 1)), std::array{gift}), 0);
  EXPECT_EQ(only_answer(at(1s)).error(), AnalysisFailure::malformed);
}

TEST_F(AnalysesTest, AFailedStartIsAnError) {
  workers_.fails = true;
  EXPECT_EQ(analyses_.start(kFile, 0, at(1s)).error().os_errno, EAGAIN);
  EXPECT_TRUE(analyses_.has_room());
  EXPECT_EQ(analyses_.due(), std::nullopt);
}

}  // namespace
}  // namespace beyla::broker
