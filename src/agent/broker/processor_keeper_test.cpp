#include "agent/broker/processor_keeper.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "abi/processor_start.h"
#include "agent/broker/request_test_data.h"

namespace beyla::broker {
namespace {

using namespace std::chrono_literals;

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

// Processors that are this test; their ends are put in by hand.
class FakeSource final : public ProcessorSource {
 public:
  base::Result<Started> start() override {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    processor = base::Fd(ends[1]);
    ++starts;
    return Started{base::Fd(ends[0]), 0};
  }
  void kill() override { ++kills; }
  [[nodiscard]] int fd() const override { return -1; }
  base::Result<std::optional<ProcessorEnd>> read_end() override {
    return std::exchange(waiting, std::nullopt);
  }

  base::Fd processor;  // its end of the channel
  std::optional<ProcessorEnd> waiting;
  int starts = 0;
  int kills = 0;
};

class NoMap final : public model::TargetMap {
  void select(const model::ProcessKey&) override {}
  void reject(const model::ProcessKey&) override {}
  void mark_open_sockets() override {}
};

class ProcessorKeeperTest : public ::testing::Test {
 protected:
  ProcessorKeeperTest() { EXPECT_TRUE(keeper_.start(at(1s))); }

  void turn(base::BootTime now) {
    const auto done = keeper_.turn(now);
    ASSERT_TRUE(done) << done.error().message();
    EXPECT_FALSE(*done);
  }
  void end(base::BootTime now, ProcessorEnd end = {.exit_code = 0, .signal = SIGKILL}) {
    source_.waiting = end;
    turn(now);
  }
  // Three that have ended without an event: the next start is a second away.
  void make_it_wait() {
    for (const auto now : {at(2s), at(3s)}) {
      end(now);
      turn(now);
    }
    end(at(4s));
    ASSERT_EQ(source_.starts, 3);
    ASSERT_EQ(keeper_.due(at(4s)), at(5s));
  }

  FakeSource source_;
  NoMap map_;
  TargetOutbox outbox_;
  StartKit kit_{{}, 1, ""};
  ProcessorKeeper keeper_{source_, kit_, outbox_, map_, {}};
};

TEST_F(ProcessorKeeperTest, StartsAnotherWhenOneEnds) {
  end(at(2s));
  EXPECT_EQ(keeper_.due(at(2s)), at(2s));
  turn(at(2s));
  EXPECT_EQ(source_.starts, 2);
  EXPECT_EQ(keeper_.restarts(), 1U);
  EXPECT_EQ(keeper_.due(at(2s)), at(2s + Watchdog::kBetweenLooks)) << "is it ready by then?";
}

TEST_F(ProcessorKeeperTest, ReadsEndsWhileNoneRuns) {
  make_it_wait();
  end(at(4s));  // of a child that came too late to be wanted
  EXPECT_FALSE(source_.waiting) << "left unread it would wake the loop at once, again and again";
  EXPECT_EQ(keeper_.due(at(4s)), at(5s)) << "it was not the processor's";
  turn(at(5s));
  EXPECT_EQ(source_.starts, 4);
}

TEST_F(ProcessorKeeperTest, StopsAtOnceWhileNoneRuns) {
  make_it_wait();
  keeper_.stop();
  EXPECT_TRUE(keeper_.stopped());
  turn(at(9s));
  EXPECT_EQ(source_.starts, 3);
}

TEST_F(ProcessorKeeperTest, EndsOneThatLivesOnWithoutItsChannel) {
  source_.processor.reset();
  turn(at(2s));
  EXPECT_EQ(source_.kills, 0) << "it may be about to end by itself, with an exit code";
  EXPECT_EQ(keeper_.due(at(2s)), at(2s + ProcessorKeeper::kEndGrace));
  turn(at(2s + ProcessorKeeper::kEndGrace));
  EXPECT_EQ(source_.kills, 1);
  EXPECT_EQ(keeper_.due(at(4s)), std::nullopt) << "nothing to do until it has ended";
  end(at(4s));
  turn(at(4s));
  EXPECT_EQ(source_.starts, 2);
}

TEST_F(ProcessorKeeperTest, LeavesOneAloneThatEndsBehindItsChannel) {
  source_.processor.reset();
  turn(at(2s));
  end(at(2s));
  turn(at(2s));
  EXPECT_EQ(source_.starts, 2);
  EXPECT_EQ(keeper_.due(at(3s)), at(2s + Watchdog::kBetweenLooks));
  turn(at(9s));
  EXPECT_EQ(source_.kills, 0);
}

TEST_F(ProcessorKeeperTest, EndsOneThatShutItsEars) {
  ASSERT_EQ(::shutdown(source_.processor.get(), SHUT_RD), 0);
  outbox_.on_selected({{1, 0, 10}, {"shop"}}, at(1s));
  turn(at(2s));
  EXPECT_EQ(source_.kills, 1);
}

TEST_F(ProcessorKeeperTest, EndsOneThatSendsWhatNoProcessorSends) {
  for (std::uint32_t i = 0; i < RequestDesk::kMaxMalformed; ++i) {
    ASSERT_EQ(::send(source_.processor.get(), "x", 1, 0), 1);
  }
  turn(at(2s));
  EXPECT_EQ(source_.kills, 1);
}

TEST_F(ProcessorKeeperTest, AnExitThatIsFinalEndsTheAgentThatCannotGoOn) {
  ProcessorKeeper recording(source_, kit_, outbox_, map_,
                            {.policy = {}, .may_restart = false, .look_for_tls = {}});
  ASSERT_TRUE(recording.start(at(1s)));
  source_.waiting = ProcessorEnd{.exit_code = kExitFinal, .signal = 0};
  const auto done = recording.turn(at(2s));
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, kExitFinal);
}

TEST_F(ProcessorKeeperTest, NoExitEndsTheAgentThatCanGoOn) {
  end(at(2s), {.exit_code = kExitFinal, .signal = 0});
  turn(at(2s));
  EXPECT_EQ(source_.starts, 2) << "a processor that was taken over must not end the agent";
}

}  // namespace
}  // namespace beyla::broker
