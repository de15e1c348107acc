#include <benchmark/benchmark.h>

#include <vector>

#include "base/ledger.h"

namespace beyla::base {
namespace {

constexpr std::size_t kStride = 272;  // of series

// One transaction of `range` cells of `range` bytes each, far from each other.
void stage_and_commit(benchmark::State& state) {
  const auto cells = static_cast<std::size_t>(state.range(0));
  const std::vector<std::byte> value(static_cast<std::size_t>(state.range(1)), std::byte{1});
  const std::size_t regions[] = {cells * kStride};
  const auto ledger = Ledger::make_private(regions);
  if (!ledger) {
    state.SkipWithError("no ledger");
    return;
  }
  for (auto _ : state) {
    for (std::size_t i = 0; i < cells; ++i) (*ledger)->stage(0, i * kStride, value);
    (*ledger)->commit();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(stage_and_commit)
    ->ArgNames({"cells", "bytes"})
    ->Args({1, 8})
    ->Args({256, 8})
    ->Args({1, 224})
    ->Args({256, 224})
    ->Args({8192, 224});

void commit_nothing(benchmark::State& state) {
  const std::size_t regions[] = {8};
  const auto ledger = Ledger::make_private(regions);
  for (auto _ : state) (*ledger)->commit();
}
BENCHMARK(commit_nothing);

}  // namespace
}  // namespace beyla::base
