// Where a uprobe sees a call of a C function begin, without being single-stepped. Pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "probes/native/flow_graph.h"

namespace beyla::probes::native {

// Arguments in registers, System V ABI for AMD64 §3.2.3: rdi, rsi, rdx, rcx, r8, r9.
inline constexpr unsigned kMaxArguments = 6;
// Prologues save six registers, take room and copy arguments.
inline constexpr int kMaxEntryInstructions = 64;

struct EntrySite {
  std::size_t offset = 0;  // in the code that the graph was made from
  // A CALL, which the kernel emulates without a shadow stack (CET) before 6.18: src/probes/proof
  // refuses it.
  bool is_call = false;
  // From the stack pointer there to the return address; nullopt: cannot be told.
  std::optional<std::uint32_t> stack_bytes;
};

// Each call passes it once, by the instructions that a call begins with; the first `arguments`
// arguments are in their registers still. A CALL only where nothing else is found.
[[nodiscard]] std::expected<EntrySite, SiteRefusal> find_entry_site(const FlowGraph& graph,
                                                                    unsigned arguments);

}  // namespace beyla::probes::native
