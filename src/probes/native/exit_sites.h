// Where uprobes see a call of a C function end, its result in RAX, without a return probe and
// without being single-stepped. Pure function.
#pragma once

#include <cstddef>
#include <expected>
#include <vector>

#include "probes/native/flow_graph.h"

namespace beyla::probes::native {

// More sites than these are not probed.
inline constexpr std::size_t kMaxExitSites = 16;

// Offsets in the code that the graph was made from. Each way to a return passes exactly one of
// them; from there on neither RAX nor memory is written. An exception, a longjmp() and the end of
// the thread pass none. RDX, the second half of a 16-byte result, may be written behind them.
[[nodiscard]] std::expected<std::vector<std::size_t>, SiteRefusal> find_exit_sites(
    const FlowGraph& graph);

// The returns themselves, where there is no other way out: single-stepped, and each call passes
// exactly one.
[[nodiscard]] std::expected<std::vector<std::size_t>, SiteRefusal> find_return_sites(
    const FlowGraph& graph);

}  // namespace beyla::probes::native
