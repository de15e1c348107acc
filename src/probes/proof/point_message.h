// The ELF worker's message (abi/probe_point.h) as a list of points. The worker has parsed a hostile
// file: what it sends is hostile input. Pure function, any thread.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "abi/probe_point.h"

namespace beyla::probes::proof {

// In the order sent, none of them proven. nullopt: not one whole message of this version with zeros
// wherever nothing is said, or the same point twice for one probe; then none of it may be used.
[[nodiscard]] std::optional<std::vector<abi::probe_point>> decode_points(
    std::span<const std::byte> message);

}  // namespace beyla::probes::proof
