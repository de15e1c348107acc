#include "agent/processor/progress.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/ledger_test_file.h"

namespace beyla::processor {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  // A processor that does this, commits, and dies.
  void live(const std::function<void(Progress&)>& work) {
    const std::size_t regions[] = {Progress::region_bytes()};
    const auto ledger = base::must_open(file_.get(), regions);
    Progress progress(*ledger, 0);
    work(progress);
    ledger->commit();
  }

  base::Fd file_ = base::test_file();
};

TEST_F(ProgressTest, TheFirstHasNoPredecessor) {
  live([](Progress& progress) {
    EXPECT_EQ(progress.predecessor_position(), std::nullopt);
    EXPECT_EQ(progress.begin(0), 0U);
  });
}

TEST_F(ProgressTest, GoesOnWhereThePredecessorWas) {
  live([](Progress& progress) { progress.stage(4096); });
  live([](Progress& progress) { EXPECT_EQ(progress.predecessor_position(), 4096U); });
}

TEST_F(ProgressTest, CountsThoseThatEndedAtTheSamePlace) {
  for (std::uint64_t in_vain = 0; in_vain < 5; ++in_vain) {
    live([in_vain](Progress& progress) { EXPECT_EQ(progress.begin(64), in_vain); });
  }
  live([](Progress& progress) { EXPECT_EQ(progress.begin(64), 5U); });
}

TEST_F(ProgressTest, StartsThatHaveNothingToReadAreNoAttempts) {
  live([](Progress& progress) { progress.stage(64); });
  for (int start = 0; start < 5; ++start) live([](Progress& progress) { progress.stage(64); });
  live([](Progress& progress) { EXPECT_EQ(progress.begin(64), 0U); });
}

TEST_F(ProgressTest, WhoGetsFurtherEndsTheCount) {
  live([](Progress& progress) { static_cast<void>(progress.begin(64)); });
  live([](Progress& progress) {
    EXPECT_EQ(progress.begin(64), 1U);
    progress.stage(64);
    progress.stage(128);
  });
  live([](Progress& progress) {
    EXPECT_EQ(progress.predecessor_position(), 128U);
    EXPECT_EQ(progress.begin(128), 0U);
  });
}

TEST_F(ProgressTest, ACountOfAnotherPlaceIsNotTaken) {
  live([](Progress& progress) { static_cast<void>(progress.begin(64)); });
  live([](Progress& progress) { EXPECT_EQ(progress.begin(72), 0U); });
}

}  // namespace
}  // namespace beyla::processor
