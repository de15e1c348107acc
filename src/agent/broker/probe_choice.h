// Which of a Go program's probes are put into it: no more than somebody has a use for. Pure
// functions, any thread.
#pragma once

#include <vector>

#include "abi/probe_point.h"
#include "probes/proof/executable.h"
#include "probes/proof/report_message.h"

namespace beyla::broker {

struct ProbeWants {
  bool traces = false;  // spans are wanted, not only metrics
};

// Plain HTTP/1 is counted by the socket probes: without traces, its handlers are probed only where
// a probe can tell the route, or where requests may come by TLS; and no probe looks for
// `traceparent`.
[[nodiscard]] std::vector<abi::probe_point> wanted_points(const probes::proof::BinaryReport& report,
                                                          const ProbeWants& wants);

// Whether a probe, or the request itself, may know the route.
[[nodiscard]] bool can_tell_routes(const probes::proof::BinaryReport& report);

// The broker's own word: a worker could have every hit single-stepped.
[[nodiscard]] probes::proof::Stepping stepping_of(std::uint32_t probe);

}  // namespace beyla::broker
