// The agent's own process, under the names that Prometheus client libraries agreed on
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics). Any thread.
#pragma once

#include <filesystem>
#include <vector>

#include "export/prometheus/self_metrics.h"

namespace beyla::exporters::prometheus {

// Reads proc_root/self and proc_root/stat; what cannot be read is left out.
void collect_process_metrics(const std::filesystem::path& proc_root, std::vector<Sample>& samples);

}  // namespace beyla::exporters::prometheus
