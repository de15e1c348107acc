// prove_reports FILE...: what the ELF worker would say of each, as text, and what the broker would
// say to that: "proof PROBE OUTCOME" for each point. For people, too.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <chrono>

#include "base/fd.h"
#include "probes/go/report/binary_report.h"
#include "probes/go/report/file_view.h"
#include "probes/proof/executable.h"
#include "probes/proof/report_message.h"
#include "report_text.h"

using namespace beyla;
namespace proof = probes::proof;

namespace {

// Those that end a client's call are single-stepped, all others never.
proof::Stepping stepping_of(std::uint32_t probe) {
  if (probe == abi::kGoProbeServeHttp) return proof::Stepping::call_allowed;
  return probe == abi::kGoProbeRoundTripEnd ? proof::Stepping::single_step_allowed
                                            : proof::Stepping::emulated_only;
}

// All of the file is mapped as code into this process, in place of a target that runs it.
int prove(const base::Fd& file, std::size_t bytes, const abi::binary_report& report) {
  const auto decoded = proof::decode_report(std::as_bytes(std::span(&report, 1)));
  if (!decoded) {
    fmt::print("the broker refuses the report\n");
    return 1;
  }
  if (decoded->points.empty()) return 0;
  void* const code = ::mmap(nullptr, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.get(), 0);
  const base::Fd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  const auto executable = proof::Executable::make(file.get(), maps.get());
  if (!executable) {
    fmt::print("no proof: {}\n", proof::reason_name(executable.error()));
    return 1;
  }
  for (const auto& point : decoded->points) {
    const auto proven = executable->prove(point, stepping_of(point.probe));
    fmt::print("proof {} {}\n", point.probe,
               proven ? "proven" : proof::reason_name(proven.error()));
  }
  ::munmap(code, bytes);
  return 0;
}

int examine(const char* path) {
  const base::Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  const auto view = probes::go::FileView::make(file.get());
  if (!view) {
    fmt::print("{}: {}\n", path, view.error().message());
    return 1;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto report = probes::go::make_binary_report(view->bytes());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("file {}\nanalysis {:.1f} ms, {} MiB at most so far\n{}", path, took.count(),
             usage.ru_maxrss / 1024, tests::text_of(report));
  return prove(file, view->bytes().size(), report);
}

}  // namespace

int main(int argc, char** argv) {
  for (int index = 1; index < argc; ++index) {
    if (const int failed = examine(argv[index]); failed != 0) return failed;
  }
  return 0;
}
