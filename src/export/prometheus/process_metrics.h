// The agent's processes together, under the names that Prometheus client libraries agreed on
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
#pragma once

#include <vector>

#include "base/fd.h"
#include "export/prometheus/self_metrics.h"

namespace beyla::exporters::prometheus {

// Open files, so that a process that may open none can still read them.
struct ProcessFiles {
  std::vector<base::Fd> stats;  // /proc/PID/stat of each, the one that started first in front
  base::Fd machine;             // /proc/stat
};

// CPU time includes that of children that have ended, so that it never goes back. The descriptors
// are those of this process. What cannot be read is left out. One thread at a time.
void collect_process_metrics(const ProcessFiles& files, std::vector<Sample>& samples);

}  // namespace beyla::exporters::prometheus
