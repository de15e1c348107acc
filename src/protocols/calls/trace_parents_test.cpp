#include "protocols/calls/trace_parents.h"

#include <gtest/gtest.h>

#include "protocols/calls/made_calls.h"

namespace beyla::protocols::calls {
namespace {

AnnouncedRequest stream(std::uint64_t number) { return {kGoProcess, 0x5c, number}; }

model::TraceParent parent(std::uint8_t mark) {
  model::TraceParent made;
  made.trace_id[0] = mark;
  return made;
}

TEST(TraceParents, GivesEachOnce) {
  TraceParents kept;
  EXPECT_TRUE(kept.keep(stream(1), parent(1), at_ms(0)));
  EXPECT_TRUE(kept.keep(stream(3), parent(3), at_ms(0)));
  EXPECT_FALSE(kept.take({kGoProcess, 0x5d, 1}, at_ms(1)));
  EXPECT_FALSE(kept.take({{1, 1, 1}, 0x5c, 1}, at_ms(1)));
  EXPECT_EQ(kept.take(stream(3), at_ms(1)), parent(3));
  EXPECT_FALSE(kept.take(stream(3), at_ms(1)));
  EXPECT_EQ(kept.take(stream(1), at_ms(1)), parent(1));
}

TEST(TraceParents, TheLastWordCounts) {
  TraceParents kept;
  EXPECT_TRUE(kept.keep(stream(1), parent(1), at_ms(0)));
  EXPECT_TRUE(kept.keep(stream(1), parent(2), at_ms(800)));
  kept.expire(at_ms(1100));  // of the first
  EXPECT_EQ(kept.take(stream(1), at_ms(1100)), parent(2));
}

TEST(TraceParents, AreForgotten) {
  TraceParents kept;
  EXPECT_TRUE(kept.keep(stream(1), parent(1), at_ms(0)));
  EXPECT_TRUE(kept.keep(stream(3), parent(1), at_ms(0)));
  EXPECT_EQ(kept.take(stream(1), at_ms(1000)), parent(1));
  EXPECT_FALSE(kept.take(stream(3), at_ms(1001)));
  EXPECT_TRUE(kept.keep(stream(5), parent(1), at_ms(2000)));
  kept.expire(at_ms(3000));
  EXPECT_EQ(kept.size(), 1U);
  kept.expire(at_ms(3001));
  EXPECT_EQ(kept.size(), 0U);
}

TEST(TraceParents, TheOldestGoesWhenThereAreTooMany) {
  TraceParents kept;
  for (std::uint64_t i = 0; i < TraceParents::kMaxKept; ++i) {
    EXPECT_TRUE(kept.keep(stream(i), parent(1), at_ms(0)));
  }
  EXPECT_FALSE(kept.keep(stream(~0ULL), parent(1), at_ms(0)));
  EXPECT_EQ(kept.size(), TraceParents::kMaxKept);
  EXPECT_FALSE(kept.take(stream(0), at_ms(0)));
  EXPECT_TRUE(kept.take(stream(1), at_ms(0)));
}

TEST(TraceParents, WhatWasTakenNeedsNoRoom) {
  TraceParents kept;
  for (std::uint64_t i = 0; i < 2 * TraceParents::kMaxKept; ++i) {
    ASSERT_TRUE(kept.keep(stream(i), parent(1), at_ms(0)));
    ASSERT_TRUE(kept.take(stream(i), at_ms(0)));
  }
}

}  // namespace
}  // namespace beyla::protocols::calls
