#include "spans/span_builder.h"

#include <gtest/gtest.h>

namespace beyla::spans {
namespace {

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
  builder.expire(base::BootTime(std::chrono::seconds(3)));
  EXPECT_EQ(builder.counts().undecided.value(), 1U);
  EXPECT_FALSE(builder.holds_any());
}

TEST(SpanBuilder, HoldIsBounded) {
  Collect out;
  SpanBuilder builder({&out});
  for (std::size_t i = 0; i < SpanBuilder::kMaxHeld + 5; ++i)
    builder.on_exchange(exchange_of(kOne, "/"));
  EXPECT_EQ(builder.counts().undecided.value(), 5U);
}

}  // namespace
}  // namespace beyla::spans
