// The agent's own metrics, all present from the start. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/events.h"
#include "agent/processor/broker_books_reader.h"
#include "capture/ring/kernel_books.h"
#include "export/prometheus/self_metrics.h"

namespace beyla::processor {

void collect_kernel_books(const capture::ring::KernelBooks& books,
                          std::vector<exporters::prometheus::Sample>& samples);
void collect_broker_books(const BrokerBooksReader& books,
                          std::vector<exporters::prometheus::Sample>& samples);
void collect_build_info(std::vector<exporters::prometheus::Sample>& samples);

using Labels = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] exporters::prometheus::Sample counter_sample(std::string_view name,
                                                           std::string_view help, Labels labels,
                                                           std::uint64_t value);
[[nodiscard]] exporters::prometheus::Sample gauge_sample(std::string_view name,
                                                         std::string_view help, Labels labels,
                                                         std::uint64_t value);
// beyla_events_delivered_total of the kind.
[[nodiscard]] exporters::prometheus::Sample delivered_sample(abi::event_kind kind,
                                                             std::uint64_t count);

}  // namespace beyla::processor
