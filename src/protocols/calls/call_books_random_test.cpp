// Any calls in any order, with loss: each request that was begun ends once.
#include <gtest/gtest.h>

#include <random>

#include "protocols/calls/made_calls.h"

namespace beyla::protocols::calls {
namespace {

using model::CallKind;
using model::Role;

class RandomCalls {
 public:
  explicit RandomCalls(std::uint32_t seed) : random_(seed) {}

  void step() {
    now_ms_ += pick(20) == 0 ? 400 : 1;
    switch (pick(20)) {
      case 0: table.tidy(at_ms(now_ms_)); return;
      case 1: table.on_closed({at_ms(now_ms_), connection()}); return;
      case 2:
        table.on_opened({at_ms(now_ms_), made_connection(connection(), role(), 1, port())});
        return;
      case 3: send(); return;
      case 4: table.on_exited(process(), at_ms(now_ms_)); return;
      case 5: answer(); return;
      default: call(); return;
    }
  }

  KeepingSink sink;
  CallTable table{sink};
  std::int64_t now_ms_ = 0;

 private:
  std::uint64_t pick(std::uint64_t count) { return random_() % count; }
  std::uint64_t connection() { return 1 + pick(4); }
  std::uint16_t port() { return static_cast<std::uint16_t>(1 + pick(3)); }
  Role role() { return pick(2) == 0 ? Role::client : Role::server; }
  model::ProcessKey process() { return {1 + static_cast<std::uint32_t>(pick(2)), 0, 1}; }

  void send() {
    model::RequestBegun begun;
    begun.process = process();
    begun.role = role();
    begun.connection = connection();
    begun.time = at_ms(now_ms_);
    on_sockets_.push_back(table.on_begun(begun));
  }
  void answer() {
    if (on_sockets_.empty()) return;
    model::Exchange exchange;
    exchange.request = on_sockets_.back();
    on_sockets_.pop_back();
    table.on_exchange(std::move(exchange));
  }
  void call() {
    const auto kind = static_cast<CallKind>(1 + pick(static_cast<std::uint64_t>(CallKind::hijack)));
    auto made = made_call(kind, now_ms_, 1 + pick(3), 1 + pick(4));
    if (pick(4) == 0) made.origin.goroutine_id = pick(3);
    made.process = process();
    made.owner = pick(2);
    made.status = static_cast<std::uint32_t>(pick(3));
    made.connection = pick(4);
    made.origin.context = 1 + pick(4);
    made.tls = pick(2) == 0;
    made.failed = pick(4) == 0;
    made.in_http = pick(2) == 0;
    made.name = "10.0.0.1:1";
    table.on_call(made);
  }

  std::mt19937 random_;
  std::vector<model::RequestId> on_sockets_;

 public:
  [[nodiscard]] std::size_t open_on_sockets() const { return on_sockets_.size(); }
};

TEST(CallBooks, BalanceWhateverComes) {
  std::size_t exchanges = 0;
  std::size_t withdrawn = 0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    RandomCalls run(seed);
    for (int i = 0; i < 2000; ++i) run.step();
    ASSERT_EQ(run.sink.ended_twice, 0U) << seed;
    run.table.flush(at_ms(run.now_ms_));
    ASSERT_EQ(run.sink.in_flight(), run.open_on_sockets()) << seed;
    ASSERT_EQ(run.sink.ended_twice, 0U) << seed;
    ASSERT_EQ(run.table.size(), 0U) << seed;
    ASSERT_FALSE(run.table.waits());
    exchanges += run.sink.exchanges.size();
    withdrawn += run.sink.withdrawn;
  }
  EXPECT_GT(exchanges, 1000U);
  EXPECT_GT(withdrawn, 100U);
}

}  // namespace
}  // namespace beyla::protocols::calls
