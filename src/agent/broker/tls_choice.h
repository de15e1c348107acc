// Which of the points in a TLS library are used in a process. Pure functions, any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "abi/probe_point.h"
#include "probes/proof/executable.h"

namespace beyla::broker {

// A return probe changes the return address on the stack. Code that leaves that stack for another
// one in the middle of the call, as fibers do, or looks at it, as Go does, would not survive that:
// there the returns themselves are probed, where the worker has found them all.
enum class ReturnProbes : std::uint8_t { never, allowed };

// Of a call that ends in several ways one is taken; without any, its entry is of no use, either.
[[nodiscard]] std::vector<abi::probe_point> wanted_tls_points(
    const std::vector<abi::probe_point>& points, ReturnProbes returns);

// Out of those that are proven, the calls of which all points are.
[[nodiscard]] std::vector<abi::probe_point> complete_tls_points(
    const std::vector<abi::probe_point>& wanted, std::vector<abi::probe_point> proven);

// The broker's own word: a worker could have every hit single-stepped. Allowed where a function
// begins and where it returns.
[[nodiscard]] probes::proof::Stepping tls_stepping_of(const abi::probe_point& point);

// Whether the stack pointer is at the return address there, if a function begins where the worker
// says: nothing but `endbr64` stands before. `before`: the bytes from there to the point.
[[nodiscard]] bool may_probe_return(const abi::probe_point& point,
                                    std::span<const std::byte> before);

}  // namespace beyla::broker
