// From what a worker proposes to where probes of a TLS library may stand. Control thread only.
#pragma once

#include <vector>

#include "agent/broker/proven_points.h"
#include "agent/broker/target_image.h"
#include "agent/broker/tls_choice.h"
#include "probes/loader/tls_probes.h"

namespace beyla::broker {

// Of the points those of whole calls that are proven, for this very file; what is refused is
// counted.
[[nodiscard]] std::vector<probes::loader::TlsPlace> proven_tls_places(
    const TargetImage& image, const std::vector<abi::probe_point>& points, ReturnProbes returns,
    AttachCounts& counts);

}  // namespace beyla::broker
