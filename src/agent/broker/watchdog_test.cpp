#include "agent/broker/watchdog.h"

#include <gtest/gtest.h>

namespace beyla::broker {
namespace {

using std::chrono::seconds;

struct Watched {
  base::BootTime now{std::chrono::hours(1)};
  Watchdog dog;

  explicit Watched(bool ready = true) {
    dog.on_started(now);
    if (ready) dog.on_ready();
  }
  // Looks after so long.
  bool look_after(std::chrono::nanoseconds time, RingPositions ring) {
    now += time;
    return dog.look(ring, now);
  }
  // As the broker does, which wakes every 15 s, until the dog barks.
  std::optional<std::chrono::nanoseconds> barks_after(RingPositions ring, seconds within) {
    for (const auto begin = now; now - begin <= within;) {
      const auto wake = now + seconds(15);
      now = std::min(dog.due().value_or(wake), wake);
      if (!dog.look(ring, now)) return now - begin;
    }
    return std::nullopt;
  }
};

TEST(Watchdog, OneThatStandsStillWhileSomethingWaitsHasHung) {
  Watched watched;
  ASSERT_TRUE(watched.look_after(seconds(15), {100, 100}));
  const auto took = watched.barks_after({100, 200}, seconds(60));
  ASSERT_TRUE(took);
  EXPECT_LE(*took, seconds(35));
  EXPECT_GE(*took, seconds(20));
}

TEST(Watchdog, ItIsNoticedSoonAlsoIfItHadWorkedUntilTheFirstLook) {
  Watched watched;
  ASSERT_TRUE(watched.look_after(seconds(15), {100, 100}));
  const auto took = watched.barks_after({300, 400}, seconds(60));
  ASSERT_TRUE(took);
  EXPECT_LE(*took, seconds(36));
}

TEST(Watchdog, SoHasOneThatWroteAPositionBehindTheEnd) {
  Watched watched;
  EXPECT_TRUE(watched.barks_after({5000, 200}, seconds(60)));
}

TEST(Watchdog, NothingToReadIsNoHang) {
  Watched watched;
  EXPECT_FALSE(watched.barks_after({100, 100}, seconds(3600)));
  EXPECT_FALSE(watched.dog.due());
}

TEST(Watchdog, WhoIsBehindButReadsHasNotHung) {
  Watched watched;
  for (std::uint64_t at = 1; at < 100; ++at) {
    ASSERT_TRUE(watched.look_after(seconds(15), {at, 1000}));
  }
}

// A record has come just before each of them, or the whole machine slept.
TEST(Watchdog, TwoLooksProveNothing) {
  Watched watched;
  ASSERT_TRUE(watched.look_after(seconds(15), {100, 100}));
  ASSERT_TRUE(watched.look_after(seconds(15), {100, 132}));
  ASSERT_TRUE(watched.look_after(std::chrono::hours(8), {100, 132}));
  ASSERT_TRUE(watched.look_after(seconds(10), {132, 132}));
  EXPECT_FALSE(watched.dog.due());
  ASSERT_TRUE(watched.look_after(seconds(10), {132, 164}));
  ASSERT_TRUE(watched.look_after(seconds(10), {132, 164}));
  EXPECT_TRUE(watched.dog.due());
  EXPECT_FALSE(watched.look_after(seconds(10), {132, 164}));
}

TEST(Watchdog, ManyTurnsOfTheBrokerAreNoLooks) {
  Watched watched;
  for (int turn = 0; turn < 1000; ++turn) {
    ASSERT_TRUE(watched.look_after(std::chrono::milliseconds(1), {100, 200}));
  }
}

TEST(Watchdog, OneThatIsNeverReadyHasHung) {
  Watched watched(false);
  const auto took = watched.barks_after({100, 100}, seconds(60));
  ASSERT_TRUE(took);
  EXPECT_LE(*took, seconds(45));
}

TEST(Watchdog, TheNextOneBeginsAnew) {
  Watched watched;
  ASSERT_TRUE(watched.barks_after({100, 200}, seconds(60)));
  watched.dog.on_started(watched.now);
  EXPECT_TRUE(watched.look_after(seconds(1), {100, 200}));
  EXPECT_TRUE(watched.barks_after({100, 100}, seconds(60))) << "it did not say that it is ready";
}

}  // namespace
}  // namespace beyla::broker
