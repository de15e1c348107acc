// A function that hands its work over to another one, as SSL_read_ex() does to a function without a
// name, which SSL_read() calls, too. Pure functions over graphs.
#pragma once

#include <cstddef>
#include <optional>

#include "probes/native/flow_graph.h"

namespace beyla::probes::native {

struct InnerCall {
  std::size_t offset = 0;      // in the code: where the inner function begins
  unsigned last_argument = 0;  // of the inner function: the place of the outer one's last, from 0
};

inline constexpr unsigned kFourthArgument = 3;  // RCX
inline constexpr unsigned kFifthArgument = 4;   // R8

// Of a function, each call of which is one direct call of the inner function: its first three
// arguments are the outer one's, its fourth or fifth is the outer one's last, and the outer one
// returns what it does, but for negative results, which may become others. `last_argument`: of the
// outer one, one of the two above.
[[nodiscard]] std::optional<InnerCall> find_inner_call(const FlowGraph& outer,
                                                       unsigned last_argument);

// Whether there is a direct call of what lies at `offset`.
[[nodiscard]] bool calls(const FlowGraph& outer, std::size_t offset);

}  // namespace beyla::probes::native
