// Breakpoints of one program in one process: a uprobe_multi link, Linux 6.6. By bpf(2) itself,
// since libbpf before 1.3 and kernel headers before 6.6 do not know it. Control thread only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::probes::loader {

// BPF_TRACE_UPROBE_MULTI, include/uapi/linux/bpf.h of 6.6: expected_attach_type of the programs.
inline constexpr std::uint32_t kTraceUprobeMulti = 48;

enum class UprobeMulti : std::uint8_t {
  available,
  absent,           // a kernel before 6.6
  follows_threads,  // 6.6 .. 6.9 without the fix: a filter by pid lets its main thread through only
  not_told,         // no program could be loaded to ask with
};
[[nodiscard]] std::string_view describe(UprobeMulti answer);

// Asks the kernel; nothing is attached. Needs CAP_BPF and CAP_PERFMON, and BPF_PROG_LOAD.
[[nodiscard]] UprobeMulti ask_for_uprobe_multi();

struct UprobePlace {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t cookie = 0;
};

// In the process `pid` as this process's pid namespace calls it, wherever it has mapped the file.
// The link ends with the fd. The program and the file are borrowed during the call; at most
// kMaxUprobePlaces. ESRCH: there is no such process.
inline constexpr std::size_t kMaxUprobePlaces = 64;
inline constexpr std::uint32_t kEveryProcess = 0;  // as a pid
enum class HitAt : std::uint8_t {
  place,
  // When the function that begins at the place returns. The kernel replaces the return address:
  // never in a program that moves its stacks or looks at them (Go).
  function_return,
};
[[nodiscard]] base::Result<base::Fd> link_uprobes(int program_fd, int exe_fd, std::uint32_t pid,
                                                  std::span<const UprobePlace> places,
                                                  HitAt at = HitAt::place);

}  // namespace beyla::probes::loader
