#include "agent/broker/binary_shelf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace beyla::broker {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr model::ProcessKey kOne{1, 0, 10};
constexpr model::ProcessKey kTwo{2, 0, 20};
constexpr model::ProcessKey kThree{3, 0, 30};

base::BootTime at(std::chrono::seconds time) { return base::BootTime(time); }

BinaryShelf::File file(std::uint64_t inode) { return {.device = 1, .inode = inode}; }

BinaryShelf::Report go(const std::string& version) {
  BinaryShelf::Report report;
  report.kind = abi::kBinaryGo;
  report.text = version;
  return report;
}

TEST(BinaryShelf, AFileIsAnalysedOnceForAllWhoWait) {
  BinaryShelf shelf;
  EXPECT_FALSE(shelf.begin_next());
  EXPECT_TRUE(shelf.wait_for(file(1), kOne));
  EXPECT_TRUE(shelf.wait_for(file(1), kTwo));
  EXPECT_TRUE(shelf.has_queued());
  const auto next = shelf.begin_next();
  ASSERT_TRUE(next);
  EXPECT_EQ(next->file, file(1));
  EXPECT_THAT(next->processes, ElementsAre(kOne, kTwo));
  EXPECT_FALSE(shelf.has_queued());
  EXPECT_TRUE(shelf.wait_for(file(1), kThree));  // while it is analysed
  EXPECT_FALSE(shelf.has_queued());
  EXPECT_EQ(shelf.find(file(1), at(1s)), nullptr);
  EXPECT_THAT(shelf.finish(file(1), go("go1.26")), ElementsAre(kOne, kTwo, kThree));
  ASSERT_NE(shelf.find(file(1), at(1s)), nullptr);
  EXPECT_EQ(shelf.find(file(1), at(1s))->text, "go1.26");
  EXPECT_EQ(shelf.find(file(2), at(1s)), nullptr);
}

TEST(BinaryShelf, FilesKeepTheirOrder) {
  BinaryShelf shelf;
  for (const std::uint64_t inode : {3, 1, 2}) EXPECT_TRUE(shelf.wait_for(file(inode), kOne));
  EXPECT_TRUE(shelf.wait_for(file(3), kTwo));
  for (const std::uint64_t inode : {3, 1, 2}) EXPECT_EQ(shelf.begin_next()->file, file(inode));
}

TEST(BinaryShelf, WithoutAReportItIsAskedForAnew) {
  BinaryShelf shelf;
  EXPECT_TRUE(shelf.wait_for(file(1), kOne));
  static_cast<void>(shelf.begin_next());
  EXPECT_THAT(shelf.finish(file(1), std::nullopt), ElementsAre(kOne));
  EXPECT_EQ(shelf.find(file(1), at(1s)), nullptr);
  EXPECT_TRUE(shelf.wait_for(file(1), kTwo));
  EXPECT_THAT(shelf.begin_next()->processes, ElementsAre(kTwo));
}

TEST(BinaryShelf, AFileThatFailedIsAnalysedAnewAFewTimes) {
  BinaryShelf shelf;
  base::BootTime now = at(100s);
  for (const auto wait : {5s, 40s}) {
    EXPECT_TRUE(shelf.wait_for(file(1), kOne));
    static_cast<void>(shelf.begin_next());
    EXPECT_THAT(shelf.fail(file(1), now), ElementsAre(kOne));
    EXPECT_EQ(shelf.again(file(1)), now + wait);
    ASSERT_NE(shelf.find(file(1), now + wait - 1ns), nullptr);
    EXPECT_EQ(shelf.find(file(1), now)->kind, abi::kBinaryOther);
    now += wait;
    EXPECT_EQ(shelf.find(file(1), now), nullptr);
  }
  EXPECT_THAT(shelf.fail(file(1), now), IsEmpty());
  EXPECT_EQ(shelf.again(file(1)), std::nullopt);
  EXPECT_NE(shelf.find(file(1), now + 24h), nullptr);
}

TEST(BinaryShelf, AReportReplacesAFailure) {
  BinaryShelf shelf;
  static_cast<void>(shelf.fail(file(1), at(1s)));
  static_cast<void>(shelf.finish(file(1), go("go1.26")));
  EXPECT_EQ(shelf.again(file(1)), std::nullopt);
  ASSERT_NE(shelf.find(file(1), at(24h)), nullptr);
  EXPECT_EQ(shelf.find(file(1), at(24h))->text, "go1.26");
}

TEST(BinaryShelf, EveryPartOfAnIdentityCounts) {
  const BinaryShelf::File base{1, 2, 3, 4, 5};
  BinaryShelf shelf;
  static_cast<void>(shelf.finish(base, go("go1.26")));
  EXPECT_NE(shelf.find(base, at(1s)), nullptr);
  for (const auto& other : {BinaryShelf::File{9, 2, 3, 4, 5}, BinaryShelf::File{1, 9, 3, 4, 5},
                            BinaryShelf::File{1, 2, 9, 4, 5}, BinaryShelf::File{1, 2, 3, 9, 5},
                            BinaryShelf::File{1, 2, 3, 4, 9}}) {
    EXPECT_EQ(shelf.find(other, at(1s)), nullptr);
  }
}

TEST(BinaryShelf, TheOldestIsForgotten) {
  BinaryShelf shelf;
  for (std::uint64_t inode = 0; inode <= BinaryShelf::kMaxKnown; ++inode) {
    EXPECT_THAT(shelf.finish(file(inode), go("go1.26")), IsEmpty());
  }
  EXPECT_EQ(shelf.find(file(0), at(1s)), nullptr);
  EXPECT_NE(shelf.find(file(1), at(1s)), nullptr);
  EXPECT_NE(shelf.find(file(BinaryShelf::kMaxKnown), at(1s)), nullptr);
}

// Short processes of a file whose analysis takes long.
TEST(BinaryShelf, OnlySoManyProcessesWait) {
  BinaryShelf shelf;
  for (std::size_t n = 0; n < BinaryShelf::kMaxWaiting; ++n) {
    ASSERT_TRUE(shelf.wait_for(file(n % 2), kOne));
  }
  EXPECT_FALSE(shelf.wait_for(file(0), kTwo));
  EXPECT_FALSE(shelf.wait_for(file(2), kTwo));
  static_cast<void>(shelf.begin_next());
  EXPECT_FALSE(shelf.wait_for(file(0), kTwo));
  EXPECT_EQ(shelf.finish(file(0), go("go1.26")).size(), BinaryShelf::kMaxWaiting / 2);
  EXPECT_TRUE(shelf.wait_for(file(1), kTwo));
}

TEST(BinaryShelf, OnlySoManyFilesWait) {
  BinaryShelf shelf;
  for (std::uint64_t inode = 0; inode < BinaryShelf::kMaxQueued; ++inode) {
    EXPECT_TRUE(shelf.wait_for(file(inode), kOne));
  }
  EXPECT_FALSE(shelf.wait_for(file(BinaryShelf::kMaxQueued), kOne));
  EXPECT_TRUE(shelf.wait_for(file(0), kTwo));  // no further file
  static_cast<void>(shelf.begin_next());
  EXPECT_TRUE(shelf.wait_for(file(BinaryShelf::kMaxQueued), kOne));
}

}  // namespace
}  // namespace beyla::broker
