#include "spans/span_builder.h"

#include <gtest/gtest.h>

#include <random>

namespace beyla::spans {
namespace {

using namespace std::chrono_literals;

struct Collect final : model::SpanSink {
  std::vector<std::string> seen;
  void on_span(const model::Span& span) override {
    seen.push_back(span.service.name + " " + span.exchange.semantics.target);
  }
};

model::Exchange exchange_of(const model::ProcessKey& key, std::string target) {
  model::Exchange exchange;
  exchange.process = key;
  exchange.semantics.target = std::move(target);
  return exchange;
}

constexpr model::ProcessKey kOne{1, 0, 10};
constexpr model::ProcessKey kTwo{1, 1, 10};  // the same process after exec

TEST(SpanBuilder, HoldsExchangesUntilTheirProcessIsDecided) {
  Collect out;
  SpanBuilder builder({&out});
  builder.on_exchange(exchange_of(kOne, "/a"));
  builder.on_exchange(exchange_of(kTwo, "/b"));
  EXPECT_TRUE(out.seen.empty());
  builder.on_selected({kTwo, {"shop"}}, {});
  EXPECT_EQ(out.seen, std::vector<std::string>{"shop /b"});
  builder.on_rejected(kOne, {});
  EXPECT_EQ(out.seen.size(), 1U);
  EXPECT_FALSE(builder.holds_any());
}

TEST(SpanBuilder, CountsWhatWasHeldTooLong) {
  Collect out;
  SpanBuilder builder({&out});
  builder.on_exchange(exchange_of(kOne, "/a"));
  builder.expire(base::BootTime(3s));
  EXPECT_EQ(builder.counts().of(model::Role::unknown).undecided.value(), 1U);
  EXPECT_FALSE(builder.holds_any());
}

TEST(SpanBuilder, HoldIsBounded) {
  Collect out;
  SpanBuilder builder({&out});
  for (std::size_t i = 0; i < SpanBuilder::kMaxHeld + 5; ++i)
    builder.on_exchange(exchange_of(kOne, "/"));
  EXPECT_EQ(builder.counts().of(model::Role::unknown).undecided.value(), 5U);
}

model::Exchange client_exchange_of(const model::ProcessKey& key, std::string target,
                                   base::BootTime end) {
  auto exchange = exchange_of(key, std::move(target));
  exchange.role = model::Role::client;
  exchange.end = end;
  return exchange;
}

TEST(SpanBuilder, CountsByRole) {
  SpanBuilder builder({});
  builder.on_selected({kOne, {"shop"}}, {});
  auto server = exchange_of(kOne, "/");
  server.role = model::Role::server;
  builder.on_exchange(std::move(server));
  for (int i = 0; i < 2; ++i) builder.on_exchange(client_exchange_of(kOne, "/", {}));
  builder.on_exchange(client_exchange_of(kTwo, "/", {}));
  builder.on_incomplete({kOne, model::Role::client, model::IncompleteReason::gap, {}});
  builder.expire(base::BootTime(3s));
  const auto& counts = builder.counts();
  constexpr auto kGap = static_cast<std::size_t>(model::IncompleteReason::gap);
  EXPECT_EQ(counts.of(model::Role::server).exchanges.value(), 1U);
  EXPECT_EQ(counts.of(model::Role::client).exchanges.value(), 2U);
  EXPECT_EQ(counts.of(model::Role::server).undecided.value(), 0U);
  EXPECT_EQ(counts.of(model::Role::client).undecided.value(), 1U);
  EXPECT_EQ(counts.of(model::Role::server).incomplete[kGap].value(), 0U);
  EXPECT_EQ(counts.of(model::Role::client).incomplete[kGap].value(), 1U);
}

TEST(SpanBuilder, CountsIncompleteRequestsOfSelectedProcessesOnly) {
  SpanBuilder builder({});
  const auto end_of = [&](const model::ProcessKey& key, base::BootTime time) {
    builder.on_incomplete({key, model::Role::client, model::IncompleteReason::no_answer, time});
  };
  const auto& counts = builder.counts().of(model::Role::client);
  const auto& no_answer = counts.incomplete[0];
  const model::ProcessKey nobody{3, 0, 30};
  for (const auto& key : {kOne, kTwo, nobody}) end_of(key, base::BootTime(1s));
  EXPECT_TRUE(builder.holds_any());
  EXPECT_EQ(no_answer.value(), 0U);
  builder.on_selected({kOne, {"shop"}}, {});
  builder.on_rejected(kTwo, {});
  EXPECT_EQ(no_answer.value(), 1U);
  for (const auto& key : {kOne, kTwo}) end_of(key, base::BootTime(2s));
  EXPECT_EQ(no_answer.value(), 2U);
  EXPECT_TRUE(builder.holds_any());
  builder.expire(base::BootTime(4s));
  EXPECT_FALSE(builder.holds_any());
  EXPECT_EQ(counts.undecided.value(), 1U);
}

TEST(SpanBuilder, HoldIsBoundedInTotal) {
  SpanBuilder builder({});
  for (std::size_t i = 0; i < SpanBuilder::kMaxHeld; ++i)
    builder.on_exchange(exchange_of(kOne, "/"));
  builder.on_incomplete({kOne, model::Role::server, model::IncompleteReason::gap, {}});
  EXPECT_EQ(builder.counts().of(model::Role::server).undecided.value(), 1U);
}

// A short-lived client: its requests are read, and it has ended, before discovery has looked at it.
TEST(SpanBuilder, DeliversWhatAnEndedProcessDidWhenTheDecisionIsLate) {
  Collect out;
  SpanBuilder builder({&out});
  builder.on_exchange(client_exchange_of(kOne, "/held", base::BootTime(1s)));
  builder.expire(base::BootTime(2s));
  builder.on_selected({kOne, {"curl"}}, base::BootTime(900ms));
  builder.on_exited(kOne, base::BootTime(1100ms));
  builder.expire(base::BootTime(2500ms));
  builder.on_exchange(client_exchange_of(kOne, "/late", base::BootTime(1050ms)));
  EXPECT_EQ(out.seen, (std::vector<std::string>{"curl /held", "curl /late"}));
  EXPECT_EQ(builder.counts().of(model::Role::client).exchanges.value(), 2U);
  EXPECT_EQ(builder.counts().of(model::Role::client).undecided.value(), 0U);
}

TEST(SpanBuilder, AStormOfProcessesKeepsThoseThatJustEnded) {
  Collect out;
  SpanBuilder builder({&out});
  const auto count = static_cast<std::uint32_t>(SpanBuilder::kMaxProcesses + 10);
  const auto key_of = [](std::uint32_t pid) { return model::ProcessKey{pid, 0, pid}; };
  for (std::uint32_t pid = 1; pid <= count; ++pid) {
    builder.on_selected({key_of(pid), {"job"}}, {});
    builder.on_exited(key_of(pid), base::BootTime(pid == count ? 10s : 1s));
  }
  builder.expire(base::BootTime(11s));
  builder.on_exchange(client_exchange_of(key_of(count), "/last", base::BootTime(10s)));
  builder.on_exchange(client_exchange_of(key_of(1), "/first", base::BootTime(1s)));
  EXPECT_EQ(out.seen, std::vector<std::string>{"job /last"});
}

constexpr auto kServer = static_cast<std::size_t>(model::Role::server);
constexpr auto kClient = static_cast<std::size_t>(model::Role::client);
constexpr auto kRestart = static_cast<std::size_t>(model::IncompleteReason::restart);

std::span<const std::byte> bytes_of(const InFlight& in_flight) {
  return std::as_bytes(std::span(&in_flight, 1));
}

TEST(SpanBuilder, KnowsWhatIsInFlightByWhatIsKnownOfItsProcess) {
  SpanBuilder builder({});
  builder.on_selected({kOne, {"shop"}}, {});
  builder.on_begun({.process = kOne, .role = model::Role::server});
  builder.on_begun({.process = kTwo, .role = model::Role::client});
  builder.on_begun({.process = kTwo, .role = model::Role::client});
  EXPECT_EQ(builder.in_flight().selected[kServer], 1U);
  EXPECT_EQ(builder.in_flight().undecided[kClient], 2U);
  builder.on_exchange(client_exchange_of(kTwo, "/held", base::BootTime(1s)));
  EXPECT_EQ(builder.in_flight().undecided[kClient], 2U);
  builder.on_selected({kTwo, {"curl"}}, {});
  EXPECT_EQ(builder.in_flight().undecided[kClient], 0U);
  EXPECT_EQ(builder.in_flight().selected[kClient], 1U);
  builder.on_incomplete({kTwo, model::Role::client, model::IncompleteReason::gap, {}});
  auto exchange = exchange_of(kOne, "/");
  exchange.role = model::Role::server;
  builder.on_exchange(std::move(exchange));
  EXPECT_EQ(builder.in_flight(), InFlight{});
}

TEST(SpanBuilder, WhatARejectedProcessBeganIsNotInFlight) {
  SpanBuilder builder({});
  builder.on_begun({.process = kOne, .role = model::Role::client});
  builder.on_rejected(kOne, base::BootTime(1s));
  builder.on_begun({.process = kOne, .role = model::Role::client});
  EXPECT_EQ(builder.in_flight(), InFlight{});
  // It is forgotten, and takes its requests with it.
  builder.expire(base::BootTime(100s));
  EXPECT_EQ(builder.in_flight().undecided[kClient], 2U);
  for (int i = 0; i < 2; ++i) {
    builder.on_incomplete({kOne, model::Role::client, model::IncompleteReason::gap, {}});
  }
  builder.expire(base::BootTime(200s));
  EXPECT_EQ(builder.counts().of(model::Role::client).undecided.value(), 2U);
  EXPECT_EQ(builder.in_flight(), InFlight{});
}

// Every request is exactly one of: exchange, incomplete, undecided, of a rejected process, in
// flight.
TEST(SpanBuilder, BooksBalanceWhateverHappens) {
  std::mt19937 random(1);
  SpanBuilder builder({});
  std::vector<std::pair<model::ProcessKey, model::Role>> open;
  std::size_t begun = 0;
  for (int i = 0; i < 100'000; ++i) {
    const model::ProcessKey key{static_cast<std::uint32_t>(random() % 40), 0, 1};
    const auto now = base::BootTime(std::chrono::milliseconds(i * 10));
    const auto role = random() % 2 == 0 ? model::Role::client : model::Role::server;
    switch (random() % 12) {
      case 0: builder.on_selected({key, {"shop"}}, now); break;
      case 1: builder.on_exited(key, now); break;
      case 2: builder.expire(now); break;
      case 3:
      case 4:
      case 5:
      case 6:
        builder.on_begun({.process = key, .role = role});
        open.emplace_back(key, role);
        ++begun;
        break;
      default: {
        if (open.empty()) break;
        std::swap(open[random() % open.size()], open.back());
        const auto [process, begun_as] = open.back();
        open.pop_back();
        auto exchange = client_exchange_of(process, "/", now);
        exchange.role = begun_as;
        if (random() % 2 == 0) {
          builder.on_exchange(std::move(exchange));
        } else {
          builder.on_incomplete({process, begun_as, model::IncompleteReason::gap, now});
        }
      }
    }
    std::size_t counted = 0;
    for (std::size_t index = 0; index < kRoles; ++index) {
      const auto& counts = builder.counts().by_role[index];
      counted += counts.exchanges.value() + counts.undecided.value() +
                 builder.in_flight().selected[index] + builder.in_flight().undecided[index];
      for (const auto& counter : counts.incomplete) counted += counter.value();
    }
    ASSERT_EQ(counted, begun) << i;
  }
}

TEST(SpanBuilder, WhatWasInFlightAtARestartIsCountedOnce) {
  InFlight lost;
  lost.selected[kServer] = 3;
  lost.undecided[kClient] = 2;
  SpanBuilder builder({});
  builder.count_restart(bytes_of(lost));
  EXPECT_EQ(builder.counts().of(model::Role::server).incomplete[kRestart].value(), 3U);
  EXPECT_EQ(builder.counts().of(model::Role::client).undecided.value(), 2U);
  EXPECT_EQ(builder.in_flight(), InFlight{});
}

TEST(SpanBuilder, NumbersThatCannotBeRightDoNotCount) {
  InFlight lost;
  lost.selected[kServer] = ~std::uint64_t{0};
  lost.undecided[kServer] = std::uint64_t{1} << 40U;
  lost.selected[kClient] = 1;
  SpanBuilder builder({});
  builder.count_restart(bytes_of(lost));
  builder.count_restart(bytes_of(lost).first(8));
  EXPECT_EQ(builder.counts().of(model::Role::server).incomplete[kRestart].value(), 0U);
  EXPECT_EQ(builder.counts().of(model::Role::server).undecided.value(), 0U);
  EXPECT_EQ(builder.counts().of(model::Role::client).incomplete[kRestart].value(), 1U);
}

TEST(SpanBuilder, WhatIsWithdrawnIsInFlightNoMoreAndCountsAsNothing) {
  SpanBuilder builder({});
  builder.on_selected({kOne, {"shop"}}, {});
  constexpr auto kServer = static_cast<std::size_t>(model::Role::server);
  for (const auto& key : {kOne, kTwo}) {
    builder.on_begun({.process = key, .role = model::Role::server});
  }
  EXPECT_EQ(builder.in_flight().selected[kServer], 1U);
  EXPECT_EQ(builder.in_flight().undecided[kServer], 1U);
  for (const auto& key : {kOne, kTwo}) builder.on_withdrawn({key, model::Role::server, 0});
  EXPECT_EQ(builder.in_flight(), InFlight{});
  const auto& counts = builder.counts().of(model::Role::server);
  EXPECT_EQ(counts.exchanges.value(), 0U);
  EXPECT_EQ(counts.undecided.value(), 0U);
}

}  // namespace
}  // namespace beyla::spans
