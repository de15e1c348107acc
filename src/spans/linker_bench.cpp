// What the linker adds to a request of plain HTTP/1: its begin, the record, the call, the exchange.
#include <benchmark/benchmark.h>

#include "spans/linker.h"

namespace beyla::spans {
namespace {

constexpr model::ProcessKey kProcess{41, 1, 1000};

struct Nothing final : model::ExchangeSink {
  model::RequestId on_begun(const model::RequestBegun&) override { return 0; }
  void on_exchange(model::Exchange&& exchange) override { benchmark::DoNotOptimize(exchange); }
  void on_incomplete(const model::Incomplete&) override {}
  void on_unpaired() override {}
  void on_gap() override {}
};

// state.range(0): connections, in turn. with_calls: of a Go process, whose goroutines are joined.
void requests(benchmark::State& state, bool with_calls) {
  Nothing sink;
  Linker linker(sink, {1, 2, 3, 4});
  const auto connections = static_cast<std::uint64_t>(state.range(0));
  std::uint64_t count = 0;
  for (auto _ : state) {
    const std::uint64_t number = count % connections;
    const base::BootTime now(std::chrono::microseconds(10 * ++count));  // 100,000 a second
    model::RequestBegun begun;
    begun.process = kProcess;
    begun.role = model::Role::server;
    begun.connection = 1 + number;
    begun.time = now;
    model::Exchange exchange;
    exchange.request = linker.on_begun(begun);
    model::StreamData data;
    data.time = now;
    data.connection = begun.connection;
    data.process = kProcess;
    data.goroutine = 0xc000000000 + 0x1c0 * number;
    data.total_bytes = 100;
    linker.on_data(data);
    if (with_calls) {
      model::FunctionCall call;
      call.kind = model::CallKind::http1_begin;
      call.time = now;
      call.process = kProcess;
      call.origin.goroutine = data.goroutine;
      call.origin.goroutine_id = 100 + number;
      call.origin.context = 0xc100000000 + 0x60 * (count % 100'000);
      linker.on_call(call);
    }
    linker.on_exchange(std::move(exchange));
  }
  state.SetItemsProcessed(state.iterations());
}

void of_go(benchmark::State& state) { requests(state, true); }
void of_others(benchmark::State& state) { requests(state, false); }
BENCHMARK(of_go)->Arg(1)->Arg(64)->Arg(4096);
BENCHMARK(of_others)->Arg(1)->Arg(64)->Arg(4096);

}  // namespace
}  // namespace beyla::spans
