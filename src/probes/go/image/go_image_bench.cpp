// Reading of whole executables, mapped anew each time, from the page cache. Debian's prometheus
// where it is installed, and those in BEYLA_BENCH_BINARIES (paths, with colons between).
// Counters: MB of the file, and what of it was touched.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <ranges>
#include <string>

#include "base/fd.h"
#include "probes/go/image/go_image.h"
#include "probes/go/image/synthetic/wanted.h"

namespace beyla::probes::go {
namespace {

double file_pages_in_memory_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::strtod(line.c_str() + 8, nullptr);
  }
  return 0;
}

void read_executable(benchmark::State& state, const std::string& path) {
  const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) {
    state.SkipWithError("cannot be opened");
    return;
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  double touched_kb = 0;
  for (auto _ : state) {
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    const double before_kb = touched_kb == 0 ? file_pages_in_memory_kb() : 0;
    const auto image = GoImage::read({static_cast<const std::byte*>(memory), size});
    if (!image) {
      state.SkipWithError(refusal_name(image.error()).data());
      break;
    }
    benchmark::DoNotOptimize(image->find_functions(kWantedFunctions));
    benchmark::DoNotOptimize(image->find_fields(kWantedFields));
    if (touched_kb == 0) touched_kb = file_pages_in_memory_kb() - before_kb;
    ::munmap(memory, size);
  }
  state.counters["file_MB"] = static_cast<double>(size) / 1e6;
  state.counters["touched_MB"] = touched_kb * 1024 / 1e6;
}

const int kRegistered = [] {
  const char* more = std::getenv("BEYLA_BENCH_BINARIES");
  const std::string paths = std::string("/usr/bin/prometheus:") + (more == nullptr ? "" : more);
  for (const auto part : std::views::split(paths, ':')) {
    const std::string path(part.begin(), part.end());
    if (::access(path.c_str(), R_OK) != 0) continue;
    benchmark::RegisterBenchmark(("read_executable/" + path).c_str(), [path](
                                                                          benchmark::State& state) {
      read_executable(state, path);
    })->Unit(benchmark::kMillisecond);
  }
  return 0;
}();

}  // namespace
}  // namespace beyla::probes::go
