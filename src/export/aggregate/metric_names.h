// What the metrics of a protocol family are called: one row per (family, role). Constant data,
// any thread. A new family adds rows here and nothing else in export/.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "export/aggregate/series.h"
#include "model/connection.h"
#include "model/exchange.h"

namespace beyla::exporters::aggregate {

// Of a series: what its key has there, or always the same.
struct LabelName {
  std::string_view name;
  std::string SeriesKey::* value = nullptr;
  std::string_view constant;  // instead of a value
};

struct HistogramName {
  std::string_view name;
  std::string_view help;
};

struct MetricNames {
  model::MetricFamily family;
  model::Role role;
  HistogramName duration;
  std::optional<HistogramName> request_size;  // nullopt: the family has none
  // In the order of the text, which is that of their names. An empty name ends them. A series
  // without a route has no label for it; the other labels are always there.
  std::array<LabelName, 4> labels;
  std::string_view unanswered;  // the outcome of an exchange that has none: no answer came

  [[nodiscard]] bool has_route() const;
};

// The only label of an overflow series: `otel.metric.overflow` in Prometheus' spelling, see
// https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute
inline constexpr std::string_view kOverflowLabel = "otel_metric_overflow";

[[nodiscard]] std::span<const MetricNames> metric_names();

// nullptr where a family has no metrics in that role, as for Role::unknown.
[[nodiscard]] const MetricNames* find_metric_names(model::MetricFamily family, model::Role role);

}  // namespace beyla::exporters::aggregate
