// The broker's proof that a uprobe may stand at a point of an executable (design §6): the kernel
// takes any offset, and a breakpoint inside an instruction silently changes what the target does.
// In: the file, where the target has mapped it as code, and the points that an untrusted worker
// proposes. Out: proven, or the reason why not. See docs/design/0008-proof-of-probe-points.md.
#pragma once

#include <expected>
#include <vector>

#include "abi/probe_point.h"
#include "probes/proof/executable_maps.h"
#include "probes/proof/instruction.h"
#include "probes/proof/refusal.h"

namespace beyla::probes::proof {

// Functions of more than this are not probed. The largest of Go's compiler (1.26) has 254 KiB, of
// Node 150 KiB.
inline constexpr std::uint64_t kMaxSymbolBytes = 1024 * 1024;
// How far a point may stand behind the beginning of its symbol; as many instructions at most are
// decoded for it.
inline constexpr std::uint64_t kMaxDecodedBytes = 64 * 1024;

// Decided by the broker for each probe, never by the worker.
enum class Stepping : std::uint8_t {
  emulated_only,
  call_allowed,  // in programs that use no shadow stack
  single_step_allowed,
};

class Executable {
 public:
  // `exe_fd`: the file that will be attached to, opened by the broker for reading; borrowed for the
  // lifetime of the result. `maps_fd`: /proc/PID/maps of a process that runs it; read to its end.
  [[nodiscard]] static std::expected<Executable, Refusal> make(int exe_fd, int maps_fd);

  // Of a file that is not mapped yet: what its program headers will have mapped as code. It may be
  // written until then, which the caller must watch for.
  [[nodiscard]] static std::expected<Executable, Refusal> make_unmapped(int fd);

  // Reads the file anew for each point. Has proven what the file says at this moment; the kernel
  // reads it once more when it attaches. One thread at a time.
  [[nodiscard]] std::expected<void, Refusal> prove(const abi::probe_point& point,
                                                   Stepping stepping) const;

 private:
  Executable(int fd, std::vector<CodeRange> code) : fd_(fd), code_(std::move(code)) {}

  int fd_;
  std::vector<CodeRange> code_;
  InstructionDecoder decoder_;
};

}  // namespace beyla::probes::proof
