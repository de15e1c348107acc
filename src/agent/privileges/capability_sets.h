// The steps of keep_only(), which become_nobody() does around the change of its uid. Private to
// this room.
#pragma once

#include <span>

#include "agent/privileges/capabilities.h"
#include "base/result.h"

namespace beyla::agent::privileges {

[[nodiscard]] CapabilityMask mask_of(std::span<const int> capabilities);
// No more than `wanted` in the bounding set, where CAP_SETPCAP is effective; else nothing is done.
[[nodiscard]] base::Result<void> reduce_bounding_set(const CapabilitySets& now,
                                                     CapabilityMask wanted);
// effective = permitted = `mask`, all else empty.
[[nodiscard]] base::Result<void> set_capabilities(CapabilityMask mask);
// Reads back what keep_only() promises.
[[nodiscard]] base::Result<void> check_capabilities(const CapabilitySets& before,
                                                    CapabilityMask wanted);

}  // namespace beyla::agent::privileges
