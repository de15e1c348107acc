#include <benchmark/benchmark.h>

#include <vector>

#include "export/aggregate/red_metrics.h"

namespace beyla::exporters::aggregate {
namespace {

using namespace std::chrono_literals;

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
  RedMetrics metrics;
  for (const auto& span : spans) metrics.on_span(span);
  std::size_t next = 0;
  for (auto _ : state) {
    metrics.on_span(spans[next]);
    if (++next == spans.size()) next = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(observe_known_series)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace beyla::exporters::aggregate
