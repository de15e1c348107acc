#include "protocols/calls/end_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/calls/made_calls.h"

namespace beyla::protocols::calls {
namespace {

using model::CallKind;
using model::FunctionCall;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr BlindCalls kCalls{kGoProcess, CallFamily::http2};
constexpr std::int64_t kStepMs = 100;  // kMissedInARow of them take longer than kMissedFor

TEST(EndWatch, TellsOnceOfManyInARow) {
  EndWatch watch;
  unsigned told = 0;
  for (unsigned call = 1; call <= 2 * EndWatch::kMissedInARow; ++call) {
    const bool now = watch.missed(kCalls, at_ms(call * kStepMs));
    EXPECT_EQ(now, call == EndWatch::kMissedInARow) << call;
    told += now ? 1 : 0;
  }
  EXPECT_EQ(told, 1U);
}

TEST(EndWatch, OneEndThatIsSeenIsEnough) {
  EndWatch watch;
  for (unsigned call = 1; call <= 8 * EndWatch::kMissedInARow; ++call) {
    if (call % (EndWatch::kMissedInARow - 1) == 0) watch.ended(kCalls);
    EXPECT_FALSE(watch.missed(kCalls, at_ms(call * kStepMs)));
  }
}

TEST(EndWatch, AnEndOfOthersSaysNothing) {
  EndWatch watch;
  bool told = false;
  for (unsigned call = 1; call <= EndWatch::kMissedInARow; ++call) {
    watch.ended({kGoProcess, CallFamily::http1});
    watch.ended({{42, 1, 1000}, CallFamily::http2});
    told = watch.missed(kCalls, at_ms(call * kStepMs));
  }
  EXPECT_TRUE(told);
}

TEST(EndWatch, ABurstOfLossIsTooShort) {
  EndWatch watch;
  for (unsigned call = 0; call < 8 * EndWatch::kMissedInARow; ++call) {
    EXPECT_FALSE(watch.missed(kCalls, at_ms(call)));
  }
  EXPECT_TRUE(watch.missed(kCalls, at_ms(0) + EndWatch::kMissedFor));
}

TEST(EndWatch, KnowsSoManyAndForgetsTheDead) {
  EndWatch watch;
  for (std::uint32_t pid = 1; pid <= EndWatch::kMaxWatched + 9; ++pid) {
    EXPECT_FALSE(watch.missed({{pid, 1, 1}, CallFamily::grpc}, at_ms(1)));
  }
  EXPECT_EQ(watch.size(), EndWatch::kMaxWatched);
  watch.forget({1, 1, 1});
  EXPECT_EQ(watch.size(), EndWatch::kMaxWatched - 1);
}

class WatchedCalls : public testing::Test {
 protected:
  void begin(CallKind kind, std::int64_t ms, std::uint64_t goroutine, std::uint64_t call,
             std::uint32_t stream = 0) {
    FunctionCall made = made_call(kind, ms, goroutine, call);
    made.origin.goroutine_id = call;  // another goroutine each time
    made.tls = true;
    made.owner = 7;
    made.status = stream;
    table.on_call(made);
  }
  void end(CallKind kind, std::int64_t ms, std::uint64_t call) {
    table.on_call(made_call(kind, ms, 1, call));
  }

  KeepingSink sink;
  CallTable table{sink};
};

constexpr unsigned kMany = EndWatch::kMissedInARow + 1;

TEST_F(WatchedCalls, Http1WithoutEndsIsNoticed) {
  for (unsigned call = 1; call <= kMany; ++call) {
    begin(CallKind::http1_begin, call * kStepMs, 3, call);
  }
  EXPECT_THAT(table.take_blind(), ElementsAre(BlindCalls{kGoProcess, CallFamily::http1}));
  EXPECT_THAT(table.take_blind(), IsEmpty());
  EXPECT_EQ(table.counters().missed_ends.value(), EndWatch::kMissedInARow);
  EXPECT_EQ(table.counters().blind.value(), 1U);
  EXPECT_EQ(sink.count(model::IncompleteReason::gap), EndWatch::kMissedInARow);
}

TEST_F(WatchedCalls, Http2OfAGoroutineThatServesAnotherHasEnded) {
  for (unsigned call = 1; call <= kMany; ++call) {
    begin(CallKind::http2_begin, call * kStepMs, 3, call, 2 * call + 1);
  }
  EXPECT_THAT(table.take_blind(), ElementsAre(BlindCalls{kGoProcess, CallFamily::http2}));
  EXPECT_EQ(table.size(), 1U);
}

TEST_F(WatchedCalls, LongPollsAreNotMissed) {
  for (const CallKind kind : {CallKind::http1_begin, CallKind::http2_begin}) {
    for (unsigned call = 1; call <= 4 * kMany; ++call) {
      begin(kind, call * kStepMs, 1000 + call, call, 2 * call + 1);
    }
  }
  table.tidy(at_ms(std::int64_t{86'400'000}));
  EXPECT_THAT(table.take_blind(), IsEmpty());
  EXPECT_EQ(table.counters().missed_ends.value(), 0U);
  EXPECT_EQ(table.size(), 8U * kMany);
}

TEST_F(WatchedCalls, ThoseThatEndAreNotMissed) {
  for (unsigned call = 1; call <= 4 * kMany; ++call) {
    begin(CallKind::http2_begin, call * kStepMs, 3, call, 2 * call + 1);
    if (call % 8 == 0) end(CallKind::http2_end, call * kStepMs + 1, call);
  }
  EXPECT_THAT(table.take_blind(), IsEmpty());
  EXPECT_GT(table.counters().missed_ends.value(), 0U);
}

TEST_F(WatchedCalls, PanicsAreEnds) {
  for (unsigned call = 1; call <= 4 * kMany; ++call) {
    begin(CallKind::http1_begin, call * kStepMs, 3, call);
    FunctionCall panic = made_call(CallKind::panic, call * kStepMs + 1, 3, call);
    panic.origin.goroutine_id = call;
    table.on_call(panic);
  }
  EXPECT_THAT(table.take_blind(), IsEmpty());
  EXPECT_EQ(table.counters().missed_ends.value(), 0U);
}

}  // namespace
}  // namespace beyla::protocols::calls
