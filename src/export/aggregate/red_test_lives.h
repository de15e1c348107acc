// Lives of RedMetrics, one after the other, on one file.
#pragma once

#include <sys/mman.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "export/aggregate/red_metrics.h"
#include "export/aggregate/red_test_spans.h"

namespace beyla::exporters::aggregate {

inline constexpr RedOptions kOptions{.max_series = 5, .ttl = std::chrono::seconds(10)};
inline constexpr base::BootTime kRestart{std::chrono::seconds(100)};

// A process with its ledger and metrics; the file outlives it.
struct Life {
  explicit Life(int file, RedOptions options = kOptions)
      : ledger(base::Ledger::open(file, std::vector{RedMetrics::region_bytes(options)}).value()),
        metrics(*ledger, 0, options, kRestart) {}
  void commit() {
    metrics.stage();
    ledger->commit();
  }
  std::unique_ptr<base::Ledger> ledger;
  RedMetrics metrics;
};

inline base::Fd new_file() {
  return base::Fd(::memfd_create("series", MFD_CLOEXEC | MFD_ALLOW_SEALING));
}

inline std::string text_of(const std::vector<Series>& series) {
  std::string text;
  for (const Series& one : series) {
    text += one.key->is_overflow ? "(overflow)" : one.key->operation + " " + one.key->outcome;
    text += " " + one.key->service + " " + one.key->route + (one.key->route.empty() ? "" : " ") +
            std::to_string(one.value.duration.count()) + "/" +
            std::to_string(one.value.duration.sum) + " " +
            std::to_string(one.value.request_size.count()) + "/" +
            std::to_string(one.value.request_size.sum) + "\n";
  }
  return text;
}

inline model::Span span_named(std::string operation, std::string outcome, std::string service) {
  auto span = span_of(std::move(operation), std::move(outcome), std::chrono::milliseconds(7));
  span.service.name = std::move(service);
  return span;
}

inline model::Span span_on_route(std::string operation, std::string outcome, std::string service,
                                 std::string route) {
  auto span = span_named(std::move(operation), std::move(outcome), std::move(service));
  span.exchange.semantics.route = std::move(route);
  return span;
}

}  // namespace beyla::exporters::aggregate
