// prove_points PID < points: the proof of src/probes/proof/ for a running process, one point a
// line: offset of the symbol, its size and offset of the point, in decimal. Prints a reason, or
// "proven", for each; the bytes expected there are those that the file has.
#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <string>

#include "base/fd.h"
#include "probes/proof/executable.h"

namespace proof = beyla::probes::proof;

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const std::string folder = std::string("/proc/") + arguments[1];
  const beyla::base::Fd exe(::open((folder + "/exe").c_str(), O_RDONLY | O_CLOEXEC));
  const beyla::base::Fd maps(::open((folder + "/maps").c_str(), O_RDONLY | O_CLOEXEC));
  const auto executable = proof::Executable::make(exe.get(), maps.get());
  if (!executable) {
    std::fprintf(stderr, "%s\n", proof::reason_name(executable.error()).data());
    return 1;
  }
  beyla::abi::probe_point point{};
  while (std::scanf("%" SCNu64 " %" SCNu64 " %" SCNu64, &point.symbol_offset, &point.symbol_bytes,
                    &point.point_offset) == 3) {
    if (::pread(exe.get(), point.expected, sizeof(point.expected),
                static_cast<off_t>(point.point_offset)) < 0) {
      return 1;
    }
    const auto proven = executable->prove(point, proof::Stepping::emulated_only);
    std::puts(proven ? "proven" : proof::reason_name(proven.error()).data());
  }
  return 0;
}
