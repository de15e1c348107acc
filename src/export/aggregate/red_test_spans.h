// Spans for the tests of RedMetrics.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "export/aggregate/red_metrics.h"

namespace beyla::exporters::aggregate {

inline model::Span span_of(std::string operation, std::string outcome,
                           std::chrono::nanoseconds duration) {
  model::Span span;
  span.service.name = "shop";
  span.exchange.role = model::Role::server;
  span.exchange.received = base::BootTime(std::chrono::seconds(1));
  span.exchange.end = span.exchange.received + duration;
  span.exchange.request_body_bytes = 32;
  span.exchange.semantics = {model::MetricFamily::http, std::move(operation), "/",
                             std::move(outcome)};
  return span;
}

inline model::Span span_of_service(std::string name, base::BootTime end) {
  model::Span span = span_of("GET", "200", std::chrono::milliseconds(1));
  span.service.name = std::move(name);
  span.exchange.received = end - std::chrono::milliseconds(1);
  span.exchange.end = end;
  return span;
}

// Over all series of both roles.
inline std::uint64_t total_count(const RedMetrics& metrics) {
  std::uint64_t total = 0;
  for (const Series& one : metrics.snapshot()) total += one.value.duration.count();
  return total;
}

}  // namespace beyla::exporters::aggregate
