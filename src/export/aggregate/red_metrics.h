// Spans in; rate, errors and durations per series out. A series belongs to a service and is
// dropped when the service's last process has been gone for the TTL. What finds no room below the
// limit is counted in one overflow series for each family and role, so that totals stay exact.
// Series live in a region of a ledger: what is read here is committed, and a process that takes
// over the ledger goes on with them. Their services have no process at first and end by the TTL
// unless one is selected. The shard's thread, the only writer; snapshot(), counts(),
// sizes_unknown() and restore_refused() are for any thread. on_span() takes no lock for a known
// series and allocates nothing but the room for what waits to be staged.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/ledger.h"
#include "export/aggregate/metric_names.h"
#include "export/aggregate/series.h"
#include "export/aggregate/series_store.h"
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
  std::uint64_t expired = 0;           // series; this and below: since the ledger began
  std::uint64_t overflowed = 0;        // durations in the overflow series
  std::uint64_t overflowed_sizes = 0;  // request sizes in it
};

class RedMetrics final : public model::SpanSink, public model::TargetSink {
 public:
  // Copied at a time while a commit waits: some tens of microseconds.
  static constexpr std::size_t kSliceSeries = 256;

  // Of the region it needs.
  [[nodiscard]] static std::size_t region_bytes(const RedOptions& options);

  // Takes over what a predecessor committed, each series checked, as last seen `now`. Borrows the
  // ledger. Commits it if something was refused, so that its place is free.
  // REQUIRES: a region of region_bytes(options); nothing else is staged that must not be committed.
  RedMetrics(base::Ledger& ledger, std::size_t region, RedOptions options, base::BootTime now);

  // Spans of a role without metrics (metric_names.h) are not counted.
  void on_span(const model::Span& span) override;
  // Stages what has changed. Call before Ledger::commit(), and commit before the next call.
  void stage();

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Drops the series of services that are over; while a snapshot is taken, nothing.
  void expire(base::BootTime now);
  // expire() has nothing to do before; nullopt: not until a process ends.
  [[nodiscard]] std::optional<base::BootTime> next_expiry() const;

  // Committed series, sorted by key. Each series as it is at one moment, not all at the same one.
  [[nodiscard]] std::vector<Series> snapshot() const;
  // In the order of metric_names().
  [[nodiscard]] std::vector<FamilyCounts> counts() const;
  // Services that have a process or a series.
  [[nodiscard]] std::size_t services() const;

  // Spans whose request size was unknown: they are missing in the size histograms.
  [[nodiscard]] std::uint64_t sizes_unknown() const;
  // Series of a predecessor that were not as we write them, since the ledger began: dropped.
  [[nodiscard]] std::uint64_t restore_refused() const;

 private:
  static constexpr std::uint32_t kNone = 0xffffffff;
  // By the index of its record in the store.
  struct Slot {
    // Null: free. Until the end of its series is committed it stays. Written under mutex_.
    std::shared_ptr<const SeriesKey> key;
    ServiceState* service = nullptr;  // null: overflow, or at its end
    std::uint32_t index = 0;
    std::uint32_t pending = kNone;  // in pending_
    std::uint16_t family = 0;       // in families_
    bool is_stored = false;         // staged once, at least
  };
  struct Pending {
    std::uint32_t slot = 0;
    SeriesValue value;
  };
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const SeriesKeyView& key) const;
    std::size_t operator()(const Slot* slot) const;
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const Slot* a, const Slot* b) const { return a == b; }
    bool operator()(const SeriesKeyView& key, const Slot* slot) const;
    bool operator()(const Slot* slot, const SeriesKeyView& key) const { return (*this)(key, slot); }
  };
  class SnapshotScope;

  [[nodiscard]] Slot* find(const SeriesKeyView& key) const;
  [[nodiscard]] Slot& slot_for(const SeriesKeyView& key, std::size_t family, base::BootTime time);
  [[nodiscard]] Slot& overflow_of(const SeriesKeyView& key, std::size_t family);
  [[nodiscard]] bool has_room(const SeriesKeyView& key, std::size_t family) const;
  [[nodiscard]] Slot& open(SeriesKey key, std::size_t family);
  void name_slot(Slot& slot, SeriesKey key, std::size_t family);
  void serve(Slot& slot, base::BootTime time);
  [[nodiscard]] SeriesValue& value_of(Slot& slot);
  void close(Slot& slot);
  void free_slot(Slot& slot);
  void restore(base::BootTime now);
  [[nodiscard]] bool take_over(std::uint32_t index, base::BootTime now);
  [[nodiscard]] Slot& add_slot();
  [[nodiscard]] SeriesTotals totals() const;
  [[nodiscard]] SeriesTotals committed_totals() const;
  [[nodiscard]] std::uint64_t committed_ends() const;
  // False: no slot is left.
  [[nodiscard]] bool copy_slice(std::size_t& next_slot, std::vector<Series>& slice) const;

  const RedOptions options_;
  base::Ledger& ledger_;
  SeriesStore store_;
  ServiceTable services_;
  std::vector<FamilyTotals> families_;
  std::uint64_t sizes_unknown_ = 0;
  std::uint64_t restore_refused_ = 0;
  SeriesTotals staged_totals_;
  std::vector<Pending> pending_;
  std::vector<std::uint32_t> ending_;  // to be staged as free
  std::vector<std::uint32_t> ended_;   // staged so
  std::vector<Slot*> free_slots_;
  boost::unordered_flat_set<Slot*, KeyHash, KeyEqual> slot_by_key_;

  mutable std::mutex mutex_;           // of what follows, and of Slot::key
  mutable std::size_t snapshots_ = 0;  // being taken
  std::deque<Slot> slots_;             // as many as there ever were series at once
};

}  // namespace beyla::exporters::aggregate
