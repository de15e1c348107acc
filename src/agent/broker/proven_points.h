// What the proof leaves of the points that a worker proposes. Control thread only; counts may be
// read by any thread.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "abi/probe_point.h"
#include "agent/broker/target_image.h"
#include "base/counter.h"
#include "base/line_budget.h"
#include "probes/loader/go_probes.h"
#include "probes/proof/executable.h"
#include "probes/proof/refusal.h"

namespace beyla::broker {

struct AttachCounts {
  probes::proof::RefusalCounts refusals;  // points; of a process where nothing can be proven: one
  std::array<base::Counter, probes::loader::kAttachFailures> failures;  // processes
  base::LineBudget lines;  // in the log, of processes where nothing can be proven
};

// `stepping_of`: the broker's own word on each point.
[[nodiscard]] std::vector<abi::probe_point> proven_points(
    const TargetImage& image, std::vector<abi::probe_point> points,
    const std::function<probes::proof::Stepping(const abi::probe_point&)>& stepping_of,
    AttachCounts& counts);

}  // namespace beyla::broker
