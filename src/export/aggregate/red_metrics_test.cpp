#include "export/aggregate/red_metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "export/aggregate/metric_names.h"
#include "export/aggregate/red_test_spans.h"
#include "export/text/label_text.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

TEST(RedMetrics, BoundsAreInclusive) {
  TestMetrics metrics;
  metrics.on_span(span_of("GET", "200", 5ms));
  metrics.on_span(span_of("GET", "200", 5ms + 1ns));
  metrics.on_span(span_of("GET", "200", 10s));
  metrics.on_span(span_of("GET", "200", 11s));
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 1U);
  const auto& duration = series[0].value.duration;
  EXPECT_EQ(duration.counts[0], 1U);
  EXPECT_EQ(duration.counts[1], 1U);
  EXPECT_EQ(duration.counts[13], 1U);
  EXPECT_EQ(duration.counts[14], 1U);
  EXPECT_EQ(duration.count(), 4U);
  EXPECT_EQ(duration.sum, 21'010'000'001U);
  EXPECT_EQ(series[0].value.request_size.counts[1], 4U);
  EXPECT_EQ(series[0].value.request_size.sum, 128U);
}

TEST(RedMetrics, CountsFromArrivalWhereKnown) {
  TestMetrics metrics;
  auto span = span_of("GET", "200", 5ms);
  span.exchange.arrival = span.exchange.received - 20ms;
  metrics.on_span(span);
  EXPECT_EQ(metrics.snapshot()[0].value.duration.sum, 25'000'000U);
}

TEST(RedMetrics, SnapshotIsSortedByLabels) {
  TestMetrics metrics;
  for (const auto* operation : {"PUT", "GET"}) {
    for (const auto* outcome : {"500", "200"}) metrics.on_span(span_of(operation, outcome, 1ms));
  }
  auto client = span_of("GET", "200", 1ms);
  client.exchange.role = model::Role::client;
  metrics.on_span(client);
  std::string order;
  for (const auto& series : metrics.snapshot()) {
    order += series.key->role == model::Role::client ? "client " : "server ";
    order += series.key->operation + series.key->outcome + " ";
  }
  EXPECT_EQ(order, "client GET200 server GET200 server GET500 server PUT200 server PUT500 ");
}

TEST(RedMetrics, UnknownSizeIsCountedNotObserved) {
  TestMetrics metrics;
  auto span = span_of("GET", "200", 1ms);
  span.exchange.request_body_bytes.reset();
  metrics.on_span(span);
  EXPECT_EQ(metrics.sizes_unknown(), 1U);
  EXPECT_EQ(metrics.snapshot()[0].value.request_size.count(), 0U);
  EXPECT_EQ(metrics.snapshot()[0].value.duration.count(), 1U);
}

TEST(RedMetrics, RoleWithoutMetricsMakesNoSeries) {
  TestMetrics metrics;
  auto span = span_of("GET", "200", 1ms);
  span.exchange.role = model::Role::unknown;
  metrics.on_span(span);
  EXPECT_TRUE(metrics.snapshot().empty());
}

TEST(RedMetrics, NegativeDurationIsZero) {
  TestMetrics metrics;
  metrics.on_span(span_of("GET", "200", -1ms));
  EXPECT_EQ(metrics.snapshot()[0].value.duration.counts[0], 1U);
  EXPECT_EQ(metrics.snapshot()[0].value.duration.sum, 0U);
}

TEST(RedMetrics, ShowsWhatIsCommittedAndNoMore) {
  TestMetrics metrics;
  metrics.on_span(span_of("GET", "200", 1ms));
  EXPECT_TRUE(metrics.metrics().snapshot().empty());
  EXPECT_EQ(metrics.metrics().counts()[0].series, 0U);
  metrics.commit();
  auto unsized = span_of("GET", "200", 1ms);
  unsized.exchange.request_body_bytes.reset();
  metrics.on_span(unsized);
  metrics.on_span(span_of("GET", "500", 1ms));
  ASSERT_EQ(metrics.metrics().snapshot().size(), 1U);
  EXPECT_EQ(metrics.metrics().snapshot()[0].value.duration.count(), 1U);
  EXPECT_EQ(metrics.metrics().counts()[0].series, 1U);
  EXPECT_EQ(metrics.metrics().sizes_unknown(), 0U);
  metrics.commit();
  EXPECT_EQ(metrics.metrics().snapshot().size(), 2U);
  EXPECT_EQ(metrics.metrics().snapshot()[0].value.duration.count(), 2U);
  EXPECT_EQ(metrics.metrics().sizes_unknown(), 1U);
}

// Each batch adds one to both series: a scrape sees whole batches, and never fewer than before.
TEST(RedMetrics, AScrapeWhileTheShardCommitsSeesBatches) {
  constexpr std::uint64_t kBatches = 20'000;
  TestMetrics metrics;
  std::jthread scraper([&] {
    std::uint64_t last = 0;
    while (last < kBatches) {
      const auto series = metrics.metrics().snapshot();
      if (series.empty()) continue;
      ASSERT_EQ(series.size(), 2U);
      EXPECT_EQ(series[0].value.duration.count(), series[1].value.duration.count());
      EXPECT_GE(series[0].value.duration.count(), last);
      last = series[0].value.duration.count();
    }
  });
  for (std::uint64_t i = 0; i < kBatches; ++i) {
    metrics.on_span(span_of("GET", "200", 1us));
    metrics.on_span(span_of("GET", "500", 1us));
    metrics.commit();
  }
}

TEST(RedMetrics, SnapshotSpansSlices) {
  TestMetrics metrics({.max_series = 3 * RedMetrics::kSliceSeries});
  const std::size_t wanted = 2 * RedMetrics::kSliceSeries + 1;
  for (std::size_t i = 0; i < wanted; ++i) {
    auto span = span_of("GET", "200", 1ms);
    span.service.name = "s" + std::to_string(i);
    metrics.on_span(span);
  }
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), wanted);
  EXPECT_TRUE(std::ranges::is_sorted(series, {}, [](const Series& one) { return *one.key; }));
  for (const auto& one : series) EXPECT_EQ(one.value.duration.count(), 1U);
}

TEST(RedMetrics, NamesThatPrintAlikeAreOneSeries) {
  TestMetrics metrics;
  for (const auto* name : {"caf\xff", "caf\xfe", "caf\ufffd"}) {
    auto span = span_of("GET", "200", 1ms);
    span.service.name = name;
    metrics.on_span(span);
  }
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].key->service, "caf\ufffd");
  EXPECT_EQ(series[0].value.duration.count(), 3U);
}

TEST(RedMetrics, LongLabelsAreCut) {
  TestMetrics metrics;
  auto span = span_of(std::string(100'000, 'M'), std::string(100'000, '2'), 1ms);
  span.service.name = std::string(100'000, 's');
  metrics.on_span(span);
  metrics.on_span(span);
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].key->operation.size(), text::kMaxLabelBytes);
  EXPECT_EQ(series[0].key->outcome.size(), text::kMaxLabelBytes);
  EXPECT_EQ(series[0].key->service.size(), text::kMaxLabelBytes);
  EXPECT_EQ(series[0].value.duration.count(), 2U);
}

TEST(MetricNames, FindsRowsByFamilyAndRole) {
  const auto* server = find_metric_names(model::MetricFamily::http, model::Role::server);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(server->duration.name, "http_server_duration_seconds");
  EXPECT_EQ(find_metric_names(model::MetricFamily::http, model::Role::unknown), nullptr);
}

}  // namespace
}  // namespace beyla::exporters::aggregate
