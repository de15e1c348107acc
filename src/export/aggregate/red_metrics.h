// Spans in; rate, errors and durations per series out. A series belongs to a service and is
// dropped when the service's last process has been gone for the TTL. What finds no room below the
// limit is counted in one overflow series for each family and role, so that totals stay exact.
// on_span() and the TargetSink come from any shard's thread: on_span() holds a mutex for one lookup
// and two additions, without allocating for a known series. snapshot() and counts() are for the
// scraper's thread.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/counter.h"
#include "export/aggregate/metric_names.h"
#include "export/aggregate/series.h"
#include "export/aggregate/service_table.h"
#include "model/span.h"
#include "model/target.h"

namespace beyla::exporters::aggregate {

struct RedOptions {
  // Of each family and role, with its overflow series. The default limit of OpenTelemetry's SDKs:
  // https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits
  std::size_t max_series = 2000;
  std::chrono::nanoseconds ttl = std::chrono::minutes(5);
};

// Of one row of metric_names().
struct FamilyCounts {
  const MetricNames* names = nullptr;
  std::uint64_t series = 0;            // now
  std::uint64_t expired = 0;           // series, since the start
  std::uint64_t overflowed = 0;        // durations in the overflow series
  std::uint64_t overflowed_sizes = 0;  // request sizes in it
};

class RedMetrics final : public model::SpanSink, public model::TargetSink {
 public:
  // Copied at a time while a shard waits: some tens of microseconds.
  static constexpr std::size_t kSliceSeries = 256;

  explicit RedMetrics(RedOptions options = {});

  // Spans of a role without metrics (metric_names.h) are not counted.
  void on_span(const model::Span& span) override;

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Drops the series of services that are over; while a snapshot is taken, nothing.
  void expire(base::BootTime now);
  // expire() has nothing to do before; nullopt: not until a process ends.
  [[nodiscard]] std::optional<base::BootTime> next_expiry() const;

  // Sorted by key. Each series as it is at one moment, not all at the same one.
  [[nodiscard]] std::vector<Series> snapshot() const;
  // In the order of metric_names().
  [[nodiscard]] std::vector<FamilyCounts> counts() const;
  // Services that have a process or a series.
  [[nodiscard]] std::size_t services() const;

  // Spans whose request size was unknown: they are missing in the size histograms.
  [[nodiscard]] const base::Counter& sizes_unknown() const { return sizes_unknown_; }

 private:
  struct Slot {
    std::shared_ptr<const SeriesKey> key;  // null: free
    SeriesValue value;
    ServiceState* service = nullptr;  // null: overflow
    FamilyCounts* family = nullptr;
  };
  struct KeyHash {
    std::size_t operator()(const SeriesKeyView& key) const;
  };
  class SnapshotScope;

  // REQUIRES, of all below: mutex_ is held.
  [[nodiscard]] Slot& slot_for(const SeriesKeyView& key, FamilyCounts& family, base::BootTime time);
  [[nodiscard]] Slot& overflow_of(const SeriesKeyView& key, FamilyCounts& family);
  [[nodiscard]] Slot& open(SeriesKey key, FamilyCounts& family);
  void close(Slot& slot);
  // False: no slot is left.
  [[nodiscard]] bool copy_slice(std::size_t& next_slot, std::vector<Series>& slice) const;

  const RedOptions options_;
  base::Counter sizes_unknown_;
  mutable std::mutex mutex_;
  mutable std::size_t snapshots_ = 0;  // being taken
  ServiceTable services_;
  std::vector<FamilyCounts> families_;
  std::deque<Slot> slots_;  // as many as there ever were series at once
  std::vector<Slot*> free_slots_;
  boost::unordered_flat_map<SeriesKeyView, Slot*, KeyHash> slot_by_key_;  // views of Slot::key
};

}  // namespace beyla::exporters::aggregate
