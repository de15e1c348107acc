// What /proc says of a process. Every answer may be stale or missing: a process can end at any
// moment. Identity is re-checked: a reused pid gives none, never another process's answers.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "model/process.h"

namespace beyla::discover::inspect {

struct ProcessFacts {
  std::string executable_path;    // resolved, without " (deleted)"
  std::string otel_service_name;  // of the target's own environment; empty: not set or not readable
};

enum class NoFacts : std::uint8_t {
  gone,           // it has ended, or its pid is another's; /proc may also hide it (hidepid)
  not_permitted,  // it is another user's, and CAP_SYS_PTRACE is missing
};

class ProcessInspector {
 public:
  explicit ProcessInspector(std::string proc_root = "/proc") : proc_root_(std::move(proc_root)) {}
  [[nodiscard]] std::expected<ProcessFacts, NoFacts> inspect(const model::ProcessKey& key) const;
  // The process runs, as far as a start time in ticks of 10 ms tells. What was opened of its pid
  // before belongs to it, too, or to nobody.
  [[nodiscard]] bool is_same_process(const model::ProcessKey& key) const;
  // A fork that has not called exec since: it has its parent's image, and maybe its memory (vfork).
  [[nodiscard]] bool is_bare_fork(std::uint32_t pid) const;
  // Of a file below /proc/PID.
  [[nodiscard]] std::string file(std::uint32_t pid, const char* name) const;

 private:
  std::string proc_root_;
};

// Value of `name` in a NUL-separated environment block.
[[nodiscard]] std::string environment_value(std::string_view block, std::string_view name);

}  // namespace beyla::discover::inspect
