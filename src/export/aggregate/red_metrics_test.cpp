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

model::Span call_of(std::string method, std::string code, model::Role role) {
  auto span = span_of(std::move(method), std::move(code), 1ms);
  span.exchange.semantics.family = model::MetricFamily::rpc;
  span.exchange.semantics.target.clear();
  span.exchange.role = role;
  return span;
}

TEST(RedMetrics, RpcHasNoSizesAndNoneIsMissed) {
  TestMetrics metrics({.max_series = 1});
  auto unsized = call_of("/a.B/C", "0", model::Role::server);
  unsized.exchange.request_body_bytes.reset();
  metrics.on_span(unsized);
  metrics.on_span(call_of("/a.B/C", "0", model::Role::server));
  EXPECT_EQ(metrics.sizes_unknown(), 0U);
  EXPECT_EQ(metrics.snapshot()[0].value.duration.count(), 2U);
  EXPECT_EQ(metrics.snapshot()[0].value.request_size.count(), 0U);
  EXPECT_EQ(metrics.counts()[2].overflowed, 2U);
  EXPECT_EQ(metrics.counts()[2].overflowed_sizes, 0U);
}

TEST(RedMetrics, FamiliesAndRolesAreApart) {
  TestMetrics metrics;
  for (const auto role : {model::Role::server, model::Role::client}) {
    metrics.on_span(call_of("/a.B/C", "0", role));
    auto http = span_of("GET", "200", 1ms);
    http.exchange.role = role;
    metrics.on_span(http);
  }
  metrics.on_span(call_of("/a.B/C", "0", model::Role::unknown));
  EXPECT_EQ(metrics.snapshot().size(), 4U);
  for (const FamilyCounts& family : metrics.counts()) EXPECT_EQ(family.series, 1U);
}

TEST(RedMetrics, ARouteIsALabelOfHttpServersAlone) {
  TestMetrics metrics;
  for (const auto* route : {"", "/users/:id", "/users/:id/orders", "/users/:id"}) {
    auto server = span_of("GET", "200", 1ms);
    auto client = server;
    auto call = call_of("/a.B/C", "0", model::Role::server);
    client.exchange.role = model::Role::client;
    for (auto* span : {&server, &client, &call}) {
      span->exchange.semantics.route = route;
      metrics.on_span(*span);
    }
  }
  std::string text;
  for (const Series& one : metrics.snapshot()) {
    text += one.key->operation + " " + one.key->route + " " +
            std::to_string(one.value.duration.count()) + ", ";
  }
  EXPECT_EQ(text, "GET  4, GET  1, GET /users/:id 2, GET /users/:id/orders 1, /a.B/C  4, ");
}

TEST(RedMetrics, NoAnswerCountsAsAnError) {
  TestMetrics metrics;
  auto http = span_of("GET", "", 1ms);
  http.exchange.role = model::Role::client;
  metrics.on_span(http);
  metrics.on_span(call_of("/a.B/C", "", model::Role::client));
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].key->outcome, "599");
  EXPECT_EQ(series[1].key->outcome, "2");
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
  span.exchange.semantics.route = std::string(100'000, 'r');
  metrics.on_span(span);
  metrics.on_span(span);
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].key->operation.size(), text::kMaxLabelBytes);
  EXPECT_EQ(series[0].key->outcome.size(), text::kMaxLabelBytes);
  EXPECT_EQ(series[0].key->service.size(), text::kMaxLabelBytes);
  EXPECT_EQ(series[0].key->route.size(), text::kMaxLabelBytes);
  EXPECT_EQ(series[0].value.duration.count(), 2U);
}

TEST(MetricNames, FindsRowsByFamilyAndRole) {
  const auto* server = find_metric_names(model::MetricFamily::http, model::Role::server);
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(server->duration.name, "http_server_duration_seconds");
  EXPECT_EQ(find_metric_names(model::MetricFamily::http, model::Role::unknown), nullptr);
  const auto* call = find_metric_names(model::MetricFamily::rpc, model::Role::client);
  ASSERT_NE(call, nullptr);
  EXPECT_EQ(call->duration.name, "rpc_client_duration_seconds");
  EXPECT_FALSE(call->request_size.has_value());
}

TEST(MetricNames, LabelsAreInTheOrderOfTheirNames) {
  for (const MetricNames& names : metric_names()) {
    for (std::size_t i = 1; i < names.labels.size() && !names.labels[i].name.empty(); ++i) {
      EXPECT_LT(names.labels[i - 1].name, names.labels[i].name);
    }
  }
}

}  // namespace
}  // namespace beyla::exporters::aggregate
