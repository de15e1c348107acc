#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "export/aggregate/red_metrics.h"
#include "export/aggregate/red_test_spans.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

constexpr RedOptions kOptions{.max_series = 100, .ttl = 3s};
constexpr model::ProcessKey kOne{1, 0, 10};
constexpr model::ProcessKey kTwo{2, 0, 10};

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

TEST(RedMetricsExpiry, ALivingProcessKeepsItsSeries) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"shop"}}, at(0s));
  metrics.on_span(span_of_service("shop", at(1s)));
  EXPECT_EQ(metrics.next_expiry(), std::nullopt);
  metrics.expire(at(1'000'000s));
  EXPECT_EQ(total_count(metrics), 1U);
}

TEST(RedMetricsExpiry, SeriesEndTtlAfterTheLastProcess) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"shop"}}, at(0s));
  metrics.on_selected({kTwo, {"shop"}}, at(0s));
  metrics.on_span(span_of_service("shop", at(1s)));
  metrics.on_exited(kOne, at(10s));
  EXPECT_EQ(metrics.next_expiry(), std::nullopt);
  metrics.expire(at(14s));
  EXPECT_EQ(total_count(metrics), 1U);
  metrics.on_exited(kTwo, at(20s));
  EXPECT_EQ(metrics.next_expiry(), at(23s));
  metrics.expire(at(23s - 1ns));
  EXPECT_EQ(total_count(metrics), 1U);
  metrics.expire(at(23s));
  EXPECT_TRUE(metrics.snapshot().empty());
  EXPECT_EQ(metrics.counts()[0].expired, 1U);
  EXPECT_EQ(metrics.counts()[0].series, 0U);
  EXPECT_EQ(metrics.services(), 0U);
  EXPECT_EQ(metrics.next_expiry(), std::nullopt);
}

TEST(RedMetricsExpiry, OtherServicesStay) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"shop"}}, at(0s));
  metrics.on_selected({kTwo, {"till"}}, at(0s));
  metrics.on_span(span_of_service("shop", at(1s)));
  metrics.on_span(span_of_service("till", at(1s)));
  metrics.on_exited(kOne, at(2s));
  metrics.expire(at(5s));
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 1U);
  EXPECT_EQ(series[0].key->service, "till");
}

TEST(RedMetricsExpiry, AllFamiliesAndRoutesOfAServiceEndTogether) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"shop"}}, at(0s));
  for (const auto family : {model::MetricFamily::http, model::MetricFamily::rpc}) {
    for (const auto* route : {"", "/a", "/b"}) {
      auto span = span_of_service("shop", at(1s));
      span.exchange.semantics.family = family;
      span.exchange.semantics.route = route;
      metrics.on_span(span);
    }
  }
  EXPECT_EQ(metrics.snapshot().size(), 4U);
  metrics.on_exited(kOne, at(2s));
  metrics.expire(at(5s));
  EXPECT_TRUE(metrics.snapshot().empty());
  EXPECT_EQ(metrics.counts()[0].expired, 3U);
  EXPECT_EQ(metrics.counts()[2].expired, 1U);
  EXPECT_EQ(metrics.services(), 0U);
}

TEST(RedMetricsExpiry, ALateSpanPutsTheEndOff) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"shop"}}, at(0s));
  metrics.on_span(span_of_service("shop", at(1s)));
  metrics.on_exited(kOne, at(10s));
  metrics.on_span(span_of_service("shop", at(12s)));
  metrics.expire(at(13s));
  EXPECT_EQ(total_count(metrics), 2U);
  EXPECT_EQ(metrics.next_expiry(), at(15s));
  metrics.expire(at(15s));
  EXPECT_TRUE(metrics.snapshot().empty());
}

TEST(RedMetricsExpiry, ALateSpanOpensANewSeriesFromZero) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"shop"}}, at(0s));
  for (int i = 0; i < 5; ++i) metrics.on_span(span_of_service("shop", at(1s)));
  metrics.on_exited(kOne, at(2s));
  metrics.expire(at(5s));
  metrics.on_span(span_of_service("shop", at(6s)));
  EXPECT_EQ(total_count(metrics), 1U);
  EXPECT_EQ(metrics.next_expiry(), at(9s));
  metrics.expire(at(9s));
  EXPECT_TRUE(metrics.snapshot().empty());
  EXPECT_EQ(metrics.counts()[0].expired, 2U);
}

TEST(RedMetricsExpiry, ARestartWithinTheTtlGoesOnCounting) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"shop"}}, at(0s));
  metrics.on_span(span_of_service("shop", at(1s)));
  metrics.on_exited(kOne, at(2s));
  metrics.on_selected({kTwo, {"shop"}}, at(4s));
  metrics.on_span(span_of_service("shop", at(5s)));
  metrics.expire(at(100s));
  EXPECT_EQ(total_count(metrics), 2U);
}

TEST(RedMetricsExpiry, ExecEndsTheImageBefore) {
  TestMetrics metrics(kOptions);
  metrics.on_selected({kOne, {"launcher"}}, at(0s));
  metrics.on_span(span_of_service("launcher", at(1s)));
  metrics.on_selected({{1, 1, 10}, {"shop"}}, at(2s));
  metrics.on_span(span_of_service("shop", at(3s)));
  metrics.on_exited(kOne, at(4s));  // late news of the image that is gone: nothing new
  EXPECT_EQ(metrics.next_expiry(), at(5s));
  metrics.on_rejected({1, 2, 10}, at(6s));  // the third image is none of ours
  metrics.expire(at(9s));
  EXPECT_TRUE(metrics.snapshot().empty());
}

TEST(RedMetricsExpiry, ASnapshotHoldsAllSeriesOfAServiceOrNone) {
  constexpr std::size_t kSeries = 8 * RedMetrics::kSliceSeries;
  for (int round = 0; round < 5; ++round) {
    TestMetrics metrics({.max_series = 2 * kSeries, .ttl = 1s});
    for (std::size_t i = 0; i < kSeries; ++i) {
      auto span = span_of_service("shop", at(1s));
      span.exchange.semantics.outcome = std::to_string(i);
      metrics.on_span(span);
    }
    metrics.commit();
    std::atomic<bool> first_taken{false};
    std::jthread scraper([&] {
      std::size_t size = kSeries;
      while (size != 0) {
        size = metrics.metrics().snapshot().size();
        EXPECT_TRUE(size == kSeries || size == 0) << size;
        first_taken = true;
      }
    });
    while (!first_taken) std::this_thread::yield();
    while (metrics.next_expiry()) {
      metrics.expire(at(2s));  // put off while a snapshot is taken
      metrics.commit();
    }
  }
}

TEST(RedMetricsExpiry, WhatEndsIsShownUntilThatIsCommitted) {
  TestMetrics metrics(kOptions);
  metrics.on_span(span_of_service("shop", at(1s)));
  metrics.commit();
  metrics.expire(at(4s));
  metrics.on_span(span_of_service("shop", at(5s)));
  metrics.on_span(span_of_service("shop", at(5s)));
  ASSERT_EQ(metrics.metrics().snapshot().size(), 1U);
  EXPECT_EQ(metrics.metrics().snapshot()[0].value.duration.count(), 1U);
  EXPECT_EQ(metrics.metrics().counts()[0].expired, 0U);
  metrics.commit();
  ASSERT_EQ(metrics.metrics().snapshot().size(), 1U);
  EXPECT_EQ(metrics.metrics().snapshot()[0].value.duration.count(), 2U);
  EXPECT_EQ(metrics.metrics().counts()[0].expired, 1U);
}

// Each of them, in one transaction: spans of a series, its end, and spans of another in its place.
TEST(RedMetricsExpiry, ASeriesMayEndBeforeItIsCommitted) {
  TestMetrics metrics(kOptions);
  metrics.on_span(span_of_service("shop", at(1s)));
  metrics.on_span(span_of_service("till", at(3s)));
  metrics.expire(at(4s));
  metrics.on_span(span_of_service("bank", at(5s)));
  metrics.on_span(span_of_service("till", at(5s)));
  const auto series = metrics.snapshot();
  ASSERT_EQ(series.size(), 2U);
  EXPECT_EQ(series[0].key->service, "bank");
  EXPECT_EQ(series[0].value.duration.count(), 1U);
  EXPECT_EQ(series[1].key->service, "till");
  EXPECT_EQ(series[1].value.duration.count(), 2U);
  EXPECT_EQ(metrics.counts()[0].expired, 1U);
}

// All places are taken by series that end and, before that is committed, by as many new ones.
TEST(RedMetricsExpiry, AllMayEndAndAsManyBegin) {
  constexpr std::size_t kSeries = 50;
  TestMetrics metrics({.max_series = kSeries + 1, .ttl = 1s});
  for (int round = 1; round < 10; ++round) {
    const auto now = at(round * 10s);
    metrics.expire(now);
    for (std::size_t i = 0; i < kSeries; ++i) {
      const std::string name(700, static_cast<char>('a' + round));  // cut, and yet in blocks
      metrics.on_span(span_of_service(std::to_string(i) + name, now));
    }
    ASSERT_EQ(metrics.snapshot().size(), kSeries);
    EXPECT_EQ(total_count(metrics), kSeries);
    EXPECT_EQ(metrics.counts()[0].overflowed, 0U);
  }
}

TEST(RedMetricsExpiry, ShortLivedServicesLeaveNothingBehind) {
  TestMetrics metrics({.max_series = 100, .ttl = 1s});
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    const auto now = at(std::chrono::milliseconds(10) * i);
    const model::ProcessKey key{i + 1, 0, i};
    metrics.on_selected({key, {"job-" + std::to_string(i)}}, now);
    if (i % 2 == 0) metrics.on_span(span_of_service("job-" + std::to_string(i), now));
    metrics.on_exited(key, now);
    metrics.expire(now);
    ASSERT_LE(metrics.services(), 101U);
  }
  metrics.expire(at(1'000s));
  EXPECT_EQ(metrics.services(), 0U);
  EXPECT_TRUE(metrics.snapshot().empty());
}

}  // namespace
}  // namespace beyla::exporters::aggregate
