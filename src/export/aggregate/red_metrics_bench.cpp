#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "export/aggregate/red_metrics.h"
#include "export/aggregate/red_test_spans.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBatch = 256;  // spans of a commit

std::vector<model::Span> spans_of_distinct_series(std::int64_t count) {
  std::vector<model::Span> spans(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < spans.size(); ++i) {
    spans[i].service.name = "service-" + std::to_string(i);
    spans[i].exchange.role = model::Role::server;
    spans[i].exchange.end = base::BootTime(20ms);
    spans[i].exchange.request_body_bytes = 100;
    spans[i].exchange.semantics = {model::MetricFamily::http, "GET", "/", "200"};
  }
  return spans;
}

void observe_known_series(benchmark::State& state) {
  const auto spans = spans_of_distinct_series(state.range(0));
  TestMetrics metrics({.max_series = 20'000});
  for (const auto& span : spans) metrics.on_span(span);
  metrics.commit();
  std::size_t next = 0;
  std::size_t waiting = 0;
  for (auto _ : state) {
    metrics.on_span(spans[next]);
    if (++next == spans.size()) next = 0;
    if (++waiting == kBatch) {
      metrics.commit();
      waiting = 0;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(observe_known_series)->Arg(1)->Arg(1000)->Arg(10'000);

void observe_known_routes(benchmark::State& state) {
  auto spans = spans_of_distinct_series(state.range(0));
  TestMetrics metrics({.max_series = 20'000});
  for (std::size_t i = 0; i < spans.size(); ++i) {
    spans[i].service.name = "shop";
    spans[i].exchange.semantics.route = "/users/:id/orders/" + std::to_string(i);
    metrics.on_span(spans[i]);
  }
  metrics.commit();
  std::size_t next = 0;
  std::size_t waiting = 0;
  for (auto _ : state) {
    metrics.on_span(spans[next]);
    if (++next == spans.size()) next = 0;
    if (++waiting % kBatch == 0) metrics.commit();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(observe_known_routes)->Arg(1)->Arg(1000);

void observe_into_overflow(benchmark::State& state) {
  const auto spans = spans_of_distinct_series(1000);
  TestMetrics metrics({.max_series = 10});
  for (const auto& span : spans) metrics.on_span(span);
  std::size_t waiting = 0;
  for (auto _ : state) {
    metrics.on_span(spans.back());
    if (++waiting % kBatch == 0) metrics.commit();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(observe_into_overflow);

void take_snapshot(benchmark::State& state) {
  TestMetrics metrics({.max_series = 20'000});
  for (const auto& span : spans_of_distinct_series(state.range(0))) metrics.on_span(span);
  metrics.commit();
  for (auto _ : state) benchmark::DoNotOptimize(metrics.metrics().snapshot());
}
BENCHMARK(take_snapshot)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

// How long a shard takes for a span, with its commits and what it waits for, at the 99.9th
// percentile and at most, while snapshots are taken.
void observe_while_scraped(benchmark::State& state) {
  const auto spans = spans_of_distinct_series(state.range(0));
  TestMetrics metrics({.max_series = 20'000});
  for (const auto& span : spans) metrics.on_span(span);
  metrics.commit();
  std::atomic<bool> done{false};
  std::jthread scraper([&] {
    while (!done) benchmark::DoNotOptimize(metrics.metrics().snapshot());
  });
  std::vector<double> waits;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    metrics.on_span(spans[waits.size() % spans.size()]);
    if (waits.size() % kBatch == 0) metrics.commit();
    waits.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  done = true;
  std::ranges::sort(waits);
  state.counters["p999_s"] = waits[waits.size() - 1 - waits.size() / 1000];
  state.counters["max_s"] = waits.back();
}
BENCHMARK(observe_while_scraped)->Arg(10'000)->Iterations(1'000'000);

}  // namespace
}  // namespace beyla::exporters::aggregate
