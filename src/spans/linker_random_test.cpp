// Any records and calls in any order: what goes in comes out once, and nothing stays.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "spans/made_requests.h"

namespace beyla::spans {
namespace {

using model::CallKind;
using model::Role;

class RandomTraffic : public Traffic {
 public:
  explicit RandomTraffic(std::uint32_t seed) : random_(seed) {}

  void step() {
    time += std::chrono::milliseconds(pick(10) == 0 ? 700 : 1);
    process.pid = 1 + static_cast<std::uint32_t>(pick(2));
    switch (pick(8)) {
      case 0:
      case 1: begin_one(); return;
      case 2: receive(1 + pick(4), pick(5), pick(2) == 0 ? 1 : 50); return;
      case 3: end_one(); return;
      case 4: linker.on_closed({now(), 1 + pick(4)}); return;
      case 5: linker.expire(now()); return;
      case 6:
        if (pick(20) == 0) linker.on_exited(process, now());
        return;
      default: call(static_cast<CallKind>(1 + pick(16)), pick(5), "/route", pick(4)); return;
    }
  }
  void end_all() {
    while (!open_.empty()) end_one();
  }

 private:
  std::uint64_t pick(std::uint64_t count) { return random_() % count; }
  void begin_one() {
    origin.reset();
    if (pick(3) == 0) origin = model::CallOrigin{pick(5), pick(5), pick(5), pick(5), {pick(5), 1}};
    open_.push_back(begin(pick(5), static_cast<Role>(pick(3))));
  }
  void end_one() {
    if (open_.empty()) return;
    std::swap(open_.back(), open_[pick(open_.size())]);
    const auto id = open_.back();
    open_.pop_back();
    switch (pick(4)) {
      case 0: lose(id); return;
      case 1: linker.on_withdrawn({process, Role::server, id}); return;
      default: end(id); return;
    }
  }

  std::mt19937 random_;
  std::vector<model::RequestId> open_;
};

TEST(LinkerBooks, WhatBeginsEndsOnceWhateverComes) {
  std::uint64_t joined = 0;
  std::uint64_t parents = 0;
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    RandomTraffic traffic(seed);
    for (int i = 0; i < 3000; ++i) traffic.step();
    traffic.end_all();
    const auto& sink = traffic.sink;
    ASSERT_EQ(sink.begun, sink.exchanges.size() + sink.incomplete + sink.withdrawn) << seed;
    std::set<model::SpanId> spans;
    for (const auto& exchange : sink.exchanges) spans.insert(exchange.trace.span_id);
    ASSERT_EQ(spans.size(), sink.exchanges.size()) << seed;
    for (model::ConnectionId id = 0; id < 6; ++id) traffic.linker.on_closed({traffic.now(), id});
    traffic.linker.expire(traffic.now() + std::chrono::hours(1));
    ASSERT_EQ(traffic.linker.size(), 0U) << seed;
    ASSERT_EQ(traffic.linker.connections(), 0U) << seed;
    joined += traffic.linker.counters().joined.value();
    parents += traffic.parents(ParentBy::context);
  }
  EXPECT_GT(joined, 1000U);
  EXPECT_GT(parents, 1000U);
}

}  // namespace
}  // namespace beyla::spans
