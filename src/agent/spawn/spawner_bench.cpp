// What a restart costs: from the call to the handle of a living child, and from a child's death to
// the report of it.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include "agent/spawn/spawner.h"
#include "base/wait_readable.h"

namespace {

namespace spawn = beyla::agent::spawn;
namespace base = beyla::base;

constexpr std::chrono::seconds kPatience{10};

int wait_for_the_end(base::Fd channel, std::vector<base::Fd>) {
  char byte = 0;
  return ::read(channel.get(), &byte, 1) == 0 ? 0 : 1;
}

spawn::Spawner start() {
  static const spawn::RoleEntry kRoles[] = {
      {spawn::ChildRole::processor, "bench", wait_for_the_end, {}, [] {
         return base::Result<void>();
       }}};
  return spawn::Spawner::start(kRoles, {[] { return base::Result<void>(); }}).value();
}

bool wait_exit(spawn::Spawner& spawner) {
  return base::wait_readable(spawner.fd(), std::chrono::steady_clock::now() + kPatience) == 0 &&
         spawner.read_exit().value().has_value();
}

void BM_Spawn(benchmark::State& state) {
  auto spawner = start();
  for (auto _ : state) {
    auto child = spawner.spawn(spawn::ChildRole::processor, {});
    state.PauseTiming();
    child->channel.reset();
    if (!wait_exit(spawner)) state.SkipWithError("no exit");
    state.ResumeTiming();
  }
}
BENCHMARK(BM_Spawn)->UseRealTime()->Unit(benchmark::kMicrosecond);

void BM_DeathToReport(benchmark::State& state) {
  auto spawner = start();
  for (auto _ : state) {
    state.PauseTiming();
    const auto child = spawner.spawn(spawn::ChildRole::processor, {});
    state.ResumeTiming();
    spawner.kill(child->id);
    if (!wait_exit(spawner)) state.SkipWithError("no exit");
  }
}
BENCHMARK(BM_DeathToReport)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
