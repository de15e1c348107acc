// The agent's own metrics, all present from the start. Any thread.
#pragma once

#include <string_view>
#include <vector>

#include "capture/record_decoder.h"
#include "capture/ring/kernel_books.h"
#include "discover/discovery.h"
#include "export/prometheus/self_metrics.h"

namespace beyla::processor {

void collect_books(const capture::ring::KernelBooks& books, const capture::DecoderCounts& delivered,
                   std::uint64_t process_events_read,
                   std::vector<exporters::prometheus::Sample>& samples);
[[nodiscard]] exporters::prometheus::Sample malformed_sample(const capture::DecoderCounts& counts);
void collect_discovery(const discover::DiscoveryCounts& counts,
                       std::vector<exporters::prometheus::Sample>& samples);
void collect_build_info(std::vector<exporters::prometheus::Sample>& samples);

using Labels = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] exporters::prometheus::Sample counter_sample(std::string_view name,
                                                           std::string_view help, Labels labels,
                                                           std::uint64_t value);
[[nodiscard]] exporters::prometheus::Sample gauge_sample(std::string_view name,
                                                         std::string_view help, Labels labels,
                                                         std::uint64_t value);

}  // namespace beyla::processor
