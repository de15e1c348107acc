#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <random>

#include "export/aggregate/red_metrics.h"
#include "export/aggregate/red_test_spans.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t kSpans = 50'000;  // so much slower is a span there
#else
constexpr std::size_t kSpans = 1'000'000;
#endif

const Series* overflow_of(const std::vector<Series>& series, model::Role role) {
  const auto found = std::ranges::find_if(
      series, [role](const Series& one) { return one.key->is_overflow && one.key->role == role; });
  return found == series.end() ? nullptr : &*found;
}

TEST(RedMetricsLimit, OverflowCountsWithinTheLimit) {
  TestMetrics metrics({.max_series = 3});
  for (const auto* outcome : {"200", "201", "202", "203", "200"}) {
    metrics.on_span(span_of("GET", outcome, 1ms));
  }
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 3U);
  EXPECT_EQ(series[0].value.duration.count(), 2U);
  EXPECT_EQ(series[1].value.duration.count(), 1U);
  EXPECT_TRUE(series[2].key->is_overflow);
  EXPECT_EQ(series[2].key->operation + series[2].key->outcome + series[2].key->service, "");
  EXPECT_EQ(series[2].value.duration.count(), 2U);
  EXPECT_EQ(series[2].value.request_size.sum, 64U);
  EXPECT_EQ(metrics.counts()[0].series, 3U);
  EXPECT_EQ(metrics.counts()[0].overflowed, 2U);
  EXPECT_EQ(metrics.counts()[0].overflowed_sizes, 2U);
}

TEST(RedMetricsLimit, RoutesOverflowToo) {
  TestMetrics metrics({.max_series = 3});
  for (const auto* route : {"", "/a", "/b", "/c", "/a"}) {
    auto span = span_of("GET", "200", 1ms);
    span.exchange.semantics.route = route;
    metrics.on_span(span);
  }
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 3U);
  EXPECT_EQ(series[1].key->route, "/a");
  EXPECT_EQ(series[1].value.duration.count(), 2U);
  EXPECT_TRUE(series[2].key->is_overflow);
  EXPECT_EQ(series[2].key->route, "");
  EXPECT_EQ(series[2].value.duration.count(), 2U);
}

TEST(RedMetricsLimit, ALimitOfOneIsOverflowAlone) {
  TestMetrics metrics({.max_series = 1});
  metrics.on_span(span_of("GET", "200", 1ms));
  metrics.on_span(span_of("GET", "500", 1ms));
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_TRUE(series[0].key->is_overflow);
  EXPECT_EQ(series[0].value.duration.count(), 2U);
}

TEST(RedMetricsLimit, EachRoleHasItsOwn) {
  TestMetrics metrics({.max_series = 2});
  auto client = span_of("GET", "200", 1ms);
  client.exchange.role = model::Role::client;
  auto unsized = span_of("GET", "500", 1ms);
  unsized.exchange.request_body_bytes.reset();
  metrics.on_span(span_of("GET", "200", 1ms));
  metrics.on_span(unsized);
  metrics.on_span(client);
  const auto series = metrics.snapshot();
  EXPECT_EQ(series.size(), 3U);
  EXPECT_NE(overflow_of(series, model::Role::server), nullptr);
  EXPECT_EQ(overflow_of(series, model::Role::client), nullptr);
  EXPECT_EQ(metrics.counts()[0].overflowed, 1U);
  EXPECT_EQ(metrics.counts()[0].overflowed_sizes, 0U);
  EXPECT_EQ(metrics.counts()[1].series, 1U);
  EXPECT_EQ(metrics.counts()[1].overflowed, 0U);
}

TEST(RedMetricsLimit, RoomThatExpiryFreesIsUsedAndNothingCountsTwice) {
  TestMetrics metrics({.max_series = 2, .ttl = 3s});
  constexpr model::ProcessKey kShop{1, 0, 1};
  metrics.on_selected({kShop, {"shop"}}, base::BootTime(0s));
  metrics.on_selected({{2, 0, 1}, {"till"}}, base::BootTime(0s));
  metrics.on_span(span_of_service("shop", base::BootTime(1s)));
  metrics.on_span(span_of_service("till", base::BootTime(1s)));
  metrics.on_span(span_of_service("till", base::BootTime(1s)));
  EXPECT_EQ(total_count(metrics), 3U);
  metrics.on_exited(kShop, base::BootTime(2s));
  metrics.expire(base::BootTime(5s));
  EXPECT_EQ(total_count(metrics), 2U) << "what overflowed stays";
  metrics.on_span(span_of_service("till", base::BootTime(6s)));
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].key->service, "till");
  EXPECT_EQ(series[0].value.duration.count(), 1U);
  EXPECT_EQ(series[1].value.duration.count(), 2U);
  EXPECT_EQ(metrics.counts()[0].overflowed, 2U);
}

TEST(RedMetricsLimit, AMillionDistinctSpansStayExactAndBounded) {
  constexpr std::size_t kLimit = 2'000;
  // 2,000 keys and values of some 500 bytes, their map and the services: well below.
  constexpr std::size_t kMaxGrownBytes = std::size_t{4} << 20U;
  TestMetrics metrics({.max_series = kLimit});
  std::mt19937_64 random(20'230'419);
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  std::uint64_t nanoseconds = 0;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < kSpans; ++i) {
    auto span = span_of("M" + std::to_string(random()), std::to_string(random() % 900 + 100),
                        std::chrono::nanoseconds(random() % 20'000'000'000));
    span.service.name = "host-" + std::to_string(random());
    span.exchange.semantics.target = "/" + std::to_string(i);
    span.exchange.request_body_bytes = random() % 10'000;
    nanoseconds += static_cast<std::uint64_t>(span.total().count());
    bytes += *span.exchange.request_body_bytes;
    metrics.on_span(span);
  }
  const std::size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  EXPECT_LE(after - before, kMaxGrownBytes);
  const auto series = metrics.snapshot();
  EXPECT_EQ(series.size(), kLimit);
  std::uint64_t count = 0;
  for (const Series& one : series) {
    count += one.value.duration.count();
    nanoseconds -= one.value.duration.sum;
    bytes -= one.value.request_size.sum;
  }
  EXPECT_EQ(count, kSpans);
  EXPECT_EQ(nanoseconds, 0U);
  EXPECT_EQ(bytes, 0U);
  EXPECT_EQ(metrics.counts()[0].overflowed, kSpans - (kLimit - 1));
}

TEST(RedMetricsLimit, PathsMakeNoSeries) {
  TestMetrics metrics;
  for (int i = 0; i < 100'000; ++i) {
    auto span = span_of("GET", "200", 1ms);
    span.exchange.semantics.target = "/" + std::to_string(i);
    metrics.on_span(span);
  }
  EXPECT_EQ(metrics.snapshot().size(), 1U);
  EXPECT_EQ(total_count(metrics), 100'000U);
}

}  // namespace
}  // namespace beyla::exporters::aggregate
