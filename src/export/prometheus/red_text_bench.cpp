#include <benchmark/benchmark.h>

#include <vector>

#include "export/prometheus/red_text.h"

namespace beyla::exporters::prometheus {
namespace {

void write_red_metrics(benchmark::State& state) {
  std::vector<aggregate::Series> series(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < series.size(); ++i) {
    series[i].key = std::make_shared<aggregate::SeriesKey>(
        aggregate::SeriesKey{model::MetricFamily::http, model::Role::server, false, "GET", "200",
                             "service-" + std::to_string(i)});
    for (std::uint64_t ms = 1; ms < 100; ++ms) series[i].value.duration.observe(ms * 1'000'003);
    series[i].value.request_size.observe(i);
  }
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_red_metrics(out, series);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(out.size()));
}
BENCHMARK(write_red_metrics)->Arg(1)->Arg(1000)->Arg(10'000);

}  // namespace
}  // namespace beyla::exporters::prometheus
