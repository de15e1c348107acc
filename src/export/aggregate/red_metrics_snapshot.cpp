// What any thread may ask RedMetrics for: all of it committed.
#include <algorithm>
#include <iterator>
#include <utility>

#include "export/aggregate/red_metrics.h"

namespace beyla::exporters::aggregate {

// While one lives, no end of a series is decided.
class RedMetrics::SnapshotScope {
 public:
  explicit SnapshotScope(const RedMetrics& metrics) : metrics_(metrics) {
    const std::lock_guard lock(metrics_.mutex_);
    ++metrics_.snapshots_;
  }
  ~SnapshotScope() {
    const std::lock_guard lock(metrics_.mutex_);
    --metrics_.snapshots_;
  }
  SnapshotScope(const SnapshotScope&) = delete;
  SnapshotScope& operator=(const SnapshotScope&) = delete;

 private:
  const RedMetrics& metrics_;
};

// A scrape has all series of a service or none. Ends that were decided before may still be
// committed in the midst of it: once, so the second attempt is whole.
std::vector<Series> RedMetrics::snapshot() const {
  const SnapshotScope scope(*this);
  std::vector<Series> all;
  std::vector<Series> slice;
  slice.reserve(kSliceSeries);
  std::uint64_t expected = 0;
  for (const FamilyCounts& family : counts()) expected += family.series;
  all.reserve(std::min<std::uint64_t>(expected, store_.record_count()));
  std::uint64_t ends = 0;
  do {
    ends = committed_ends();
    all.clear();
    std::size_t next_slot = 0;
    while (copy_slice(next_slot, slice)) {
      std::ranges::move(slice, std::back_inserter(all));
      slice.clear();
    }
  } while (ends != committed_ends());
  std::ranges::sort(all, [](const Series& a, const Series& b) { return *a.key < *b.key; });
  return all;
}

bool RedMetrics::copy_slice(std::size_t& next_slot, std::vector<Series>& slice) const {
  const auto read = ledger_.read();
  const std::lock_guard lock(mutex_);
  if (next_slot >= slots_.size()) return false;
  const std::size_t end = std::min(next_slot + kSliceSeries, slots_.size());
  for (; next_slot < end; ++next_slot) {
    const auto index = static_cast<std::uint32_t>(next_slot);
    const Slot& slot = slots_[next_slot];
    if (slot.key == nullptr || !store_.is_used(index)) continue;
    store_.read_value(index, slice.emplace_back(slot.key).value);
  }
  return true;
}

SeriesTotals RedMetrics::committed_totals() const {
  const auto read = ledger_.read();
  return store_.totals();
}

std::uint64_t RedMetrics::committed_ends() const {
  std::uint64_t ends = 0;
  for (const FamilyTotals& family : committed_totals().families) ends += family.expired;
  return ends;
}

std::vector<FamilyCounts> RedMetrics::counts() const {
  const SeriesTotals totals = committed_totals();
  std::vector<FamilyCounts> counts;
  for (const MetricNames& names : metric_names()) {
    const FamilyTotals& family = totals.families[counts.size()];
    counts.push_back(
        {&names, family.series, family.expired, family.overflowed, family.overflowed_sizes});
  }
  return counts;
}

std::uint64_t RedMetrics::sizes_unknown() const { return committed_totals().sizes_unknown; }

std::uint64_t RedMetrics::restore_refused() const { return committed_totals().restore_refused; }

}  // namespace beyla::exporters::aggregate
