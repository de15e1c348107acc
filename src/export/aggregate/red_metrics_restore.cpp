// Taking over a predecessor's series. It may have been killed at any time, or have written
// anything: what is not as we write it is dropped and counted.
#include <algorithm>
#include <utility>

#include "export/aggregate/red_metrics.h"

namespace beyla::exporters::aggregate {

void RedMetrics::restore(base::BootTime now) {
  if (!store_.is_ours()) {
    store_.wipe();
    return;
  }
  staged_totals_ = store_.totals();
  sizes_unknown_ = staged_totals_.sizes_unknown;
  restore_refused_ = staged_totals_.restore_refused;
  for (std::size_t i = 0; i < families_.size(); ++i) {
    families_[i] = staged_totals_.families[i];
    families_[i].series = 0;  // counted anew
  }
  const auto records = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(staged_totals_.records, store_.record_count()));
  bool is_refused = false;
  for (std::uint32_t index = 0; index < records; ++index) {
    Slot& slot = add_slot();
    if (!store_.is_used(index)) {
      free_slots_.push_back(&slot);
    } else if (!take_over(index, now)) {
      store_.stage_free(index);
      free_slots_.push_back(&slot);
      ++restore_refused_;
      is_refused = true;
    }
  }
  store_.end_adoption(records);
  std::ranges::reverse(free_slots_);  // the lowest is used first
  if (!is_refused) return;
  stage();
  ledger_.commit();
}

bool RedMetrics::take_over(std::uint32_t index, base::BootTime now) {
  auto key = store_.adopt(index);
  if (!key) return false;
  const SeriesKeyView view = view_of(*key);
  const auto family =
      static_cast<std::size_t>(find_metric_names(key->family, key->role) - metric_names().data());
  const bool is_overflow = key->is_overflow;
  if (find(view) != nullptr || (!is_overflow && !has_room(view, family))) return false;
  Slot& slot = slots_[index];
  name_slot(slot, std::move(*key), family);
  slot.is_stored = true;
  if (!is_overflow) serve(slot, now);
  return true;
}

}  // namespace beyla::exporters::aggregate
