// What the metrics of a protocol family are called: one row per (family, role). Constant data,
// any thread. A new family adds rows here and nothing else in export/.
#pragma once

#include <span>
#include <string_view>

#include "model/connection.h"
#include "model/exchange.h"

namespace beyla::exporters::aggregate {

struct HistogramName {
  std::string_view name;
  std::string_view help;
};

struct MetricNames {
  model::MetricFamily family;
  model::Role role;
  HistogramName duration;
  HistogramName request_size;
  std::string_view operation_label;
  std::string_view outcome_label;
  std::string_view service_label;
};

// The only label of an overflow series: `otel.metric.overflow` in Prometheus' spelling, see
// https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute
inline constexpr std::string_view kOverflowLabel = "otel_metric_overflow";

[[nodiscard]] std::span<const MetricNames> metric_names();

// nullptr where a family has no metrics in that role, as for Role::unknown.
[[nodiscard]] const MetricNames* find_metric_names(model::MetricFamily family, model::Role role);

}  // namespace beyla::exporters::aggregate
