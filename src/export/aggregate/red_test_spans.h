// Spans for the tests of RedMetrics, and RedMetrics on a ledger.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

// With a ledger of its own; what has happened is committed before it is read.
class TestMetrics {
 public:
  explicit TestMetrics(RedOptions options = {})
      : ledger_(base::Ledger::make_private(std::vector{RedMetrics::region_bytes(options)}).value()),
        metrics_(*ledger_, 0, options, base::BootTime{}) {}

  void on_span(const model::Span& span) { metrics_.on_span(span); }
  void on_selected(const model::TargetProcess& target, base::BootTime time) {
    metrics_.on_selected(target, time);
  }
  void on_rejected(const model::ProcessKey& key, base::BootTime time) {
    metrics_.on_rejected(key, time);
  }
  void on_exited(const model::ProcessKey& key, base::BootTime time) {
    metrics_.on_exited(key, time);
  }
  void expire(base::BootTime now) { metrics_.expire(now); }
  [[nodiscard]] std::optional<base::BootTime> next_expiry() const { return metrics_.next_expiry(); }
  [[nodiscard]] std::size_t services() const { return metrics_.services(); }

  void commit() {
    metrics_.stage();
    ledger_->commit();
  }
  [[nodiscard]] const RedMetrics& committed() {
    commit();
    return metrics_;
  }
  [[nodiscard]] std::vector<Series> snapshot() { return committed().snapshot(); }
  [[nodiscard]] std::vector<FamilyCounts> counts() { return committed().counts(); }
  [[nodiscard]] std::uint64_t sizes_unknown() { return committed().sizes_unknown(); }
  // As it is, for another thread.
  [[nodiscard]] const RedMetrics& metrics() const { return metrics_; }

 private:
  std::unique_ptr<base::Ledger> ledger_;
  RedMetrics metrics_;
};

// Over all series of both roles.
inline std::uint64_t total_count(TestMetrics& metrics) {
  std::uint64_t total = 0;
  for (const Series& one : metrics.snapshot()) total += one.value.duration.count();
  return total;
}

}  // namespace beyla::exporters::aggregate
