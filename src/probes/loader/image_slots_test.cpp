#include "probes/loader/image_slots.h"

#include <gtest/gtest.h>

namespace beyla::probes::loader {
namespace {

FileIdentity file(std::uint64_t inode) { return {.device = 1, .inode = inode}; }

TEST(ImageSlots, ProcessesOfOneBinaryShareASlot) {
  ImageSlots slots(4);
  const auto first = slots.take(file(1));
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_new);
  const auto second = slots.take(file(1));
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->is_new);
  EXPECT_EQ(second->slot, first->slot);
  const auto other = slots.take(file(2));
  EXPECT_TRUE(other->is_new);
  EXPECT_NE(other->slot, first->slot);
  EXPECT_EQ(slots.used(), 2U);
}

TEST(ImageSlots, ASlotIsFreeOnlyAfterItsLastProcess) {
  ImageSlots slots(1);
  EXPECT_EQ(slots.take(file(1))->slot, 0U);
  static_cast<void>(slots.take(file(1)));
  slots.give_back(file(1));
  EXPECT_FALSE(slots.take(file(2)));
  EXPECT_FALSE(slots.take(file(1))->is_new);
  slots.give_back(file(1));
  slots.give_back(file(1));
  EXPECT_EQ(slots.used(), 0U);
  const auto next = slots.take(file(2));
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->is_new);
  EXPECT_EQ(next->slot, 0U);
}

TEST(ImageSlots, EachOfThemIsGivenOutOnce) {
  constexpr std::uint32_t kSlots = 256;
  ImageSlots slots(kSlots);
  std::vector<bool> seen(kSlots);
  for (std::uint32_t inode = 0; inode < kSlots; ++inode) {
    const auto taken = slots.take(file(inode));
    ASSERT_TRUE(taken);
    ASSERT_LT(taken->slot, kSlots);
    EXPECT_FALSE(seen[taken->slot]);
    seen[taken->slot] = true;
  }
  EXPECT_FALSE(slots.take(file(kSlots)));
}

}  // namespace
}  // namespace beyla::probes::loader
