#include "export/aggregate/red_metrics.h"

#include <algorithm>
#include <boost/container_hash/hash.hpp>
#include <functional>
#include <string_view>
#include <utility>

#include "export/text/label_text.h"

namespace beyla::exporters::aggregate {
namespace {

// What a burst of many series took, given back: room for more than a usual batch stays.
constexpr std::size_t kKeptPending = 1024;

SeriesKeyView key_of(const model::Span& span, const MetricNames& names) {
  const model::Semantics& semantics = span.exchange.semantics;
  SeriesKeyView key{names.family,      names.role,        false, semantics.operation,
                    semantics.outcome, span.service.name, ""};
  if (key.outcome.empty()) key.outcome = names.unanswered;
  if (!semantics.route.empty() && names.has_route()) key.route = semantics.route;
  return key;
}

// The clocks of receive and send are one clock, yet a recording may be wrong.
std::uint64_t non_negative(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
}

}  // namespace

std::size_t RedMetrics::KeyHash::operator()(const SeriesKeyView& key) const {
  const std::hash<std::string_view> hash_text;
  std::size_t seed = (static_cast<std::size_t>(key.family) << 8U) |
                     (static_cast<std::size_t>(key.role) << 1U) |
                     static_cast<std::size_t>(key.is_overflow);
  boost::hash_combine(seed, hash_text(key.operation));
  boost::hash_combine(seed, hash_text(key.outcome));
  boost::hash_combine(seed, hash_text(key.service));
  if (!key.route.empty()) boost::hash_combine(seed, hash_text(key.route));
  return seed;
}

std::size_t RedMetrics::KeyHash::operator()(const Slot* slot) const {
  return (*this)(view_of(*slot->key));
}

bool RedMetrics::KeyEqual::operator()(const SeriesKeyView& key, const Slot* slot) const {
  return key == view_of(*slot->key);
}

std::size_t RedMetrics::region_bytes(const RedOptions& options) {
  return SeriesStore::region_bytes(options.max_series);
}

RedMetrics::RedMetrics(base::Ledger& ledger, std::size_t region, RedOptions options,
                       base::BootTime now)
    : options_(options),
      ledger_(ledger),
      store_(ledger, region, options.max_series),
      services_(options.ttl),
      families_(metric_names().size()) {
  restore(now);
}

void RedMetrics::on_span(const model::Span& span) {
  const model::Exchange& exchange = span.exchange;
  const MetricNames* const names = find_metric_names(exchange.semantics.family, exchange.role);
  if (names == nullptr) return;
  const auto family = static_cast<std::size_t>(names - metric_names().data());
  Slot& slot = slot_for(key_of(span, *names), family, exchange.end);
  SeriesValue& value = value_of(slot);
  value.duration.observe(non_negative(span.total()));
  const bool has_size = names->request_size && exchange.request_body_bytes;
  if (has_size) {
    value.request_size.observe(*exchange.request_body_bytes);
  } else if (names->request_size) {
    ++sizes_unknown_;
  }
  if (slot.service != nullptr) {
    slot.service->last_seen = std::max(slot.service->last_seen, exchange.end);
  } else {
    ++families_[family].overflowed;
    families_[family].overflowed_sizes += has_size ? 1 : 0;
  }
}

RedMetrics::Slot* RedMetrics::find(const SeriesKeyView& key) const {
  const auto known = slot_by_key_.find(key);
  return known == slot_by_key_.end() ? nullptr : *known;
}

RedMetrics::Slot& RedMetrics::slot_for(const SeriesKeyView& key, std::size_t family,
                                       base::BootTime time) {
  if (Slot* const known = find(key)) return *known;
  SeriesKey owned{key.family,
                  key.role,
                  false,
                  text::to_label_text(key.operation),
                  text::to_label_text(key.outcome),
                  text::to_label_text(key.service),
                  text::to_label_text(key.route)};
  if (Slot* const known = find(view_of(owned))) return *known;
  if (!has_room(key, family)) return overflow_of(key, family);
  Slot& slot = open(std::move(owned), family);
  serve(slot, time);
  return slot;
}

// For a series beside the overflow series, which has its place also while it is not there.
bool RedMetrics::has_room(const SeriesKeyView& key, std::size_t family) const {
  const bool has_overflow = find({key.family, key.role, true, "", "", "", ""}) != nullptr;
  return families_[family].series + (has_overflow ? 0 : 1) < options_.max_series;
}

RedMetrics::Slot& RedMetrics::overflow_of(const SeriesKeyView& key, std::size_t family) {
  SeriesKey overflow{key.family, key.role, true, "", "", "", ""};
  Slot* const known = find(view_of(overflow));
  return known != nullptr ? *known : open(std::move(overflow), family);
}

// The store has a record for it: as many as are live may be at their end, and no more.
RedMetrics::Slot& RedMetrics::open(SeriesKey key, std::size_t family) {
  if (free_slots_.empty()) free_slots_.push_back(&add_slot());
  Slot& slot = *free_slots_.back();
  free_slots_.pop_back();
  name_slot(slot, std::move(key), family);
  return slot;
}

RedMetrics::Slot& RedMetrics::add_slot() {
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_.emplace_back();
  slot.index = static_cast<std::uint32_t>(slots_.size() - 1);
  return slot;
}

void RedMetrics::name_slot(Slot& slot, SeriesKey key, std::size_t family) {
  auto shared = std::make_shared<const SeriesKey>(std::move(key));
  {
    const std::lock_guard lock(mutex_);
    slot.key = std::move(shared);
  }
  slot.family = static_cast<std::uint16_t>(family);
  slot_by_key_.insert(&slot);
  ++families_[family].series;
}

void RedMetrics::serve(Slot& slot, base::BootTime time) {
  slot.service = &services_.open(slot.key->service, time);
  ++slot.service->series;
}

// What the next stage() stages: as committed, with what came since.
SeriesValue& RedMetrics::value_of(Slot& slot) {
  if (slot.pending == kNone) {
    slot.pending = static_cast<std::uint32_t>(pending_.size());
    Pending& pending = pending_.emplace_back();
    pending.slot = slot.index;
    if (slot.is_stored) store_.read_value(slot.index, pending.value);
  }
  return pending_[slot.pending].value;
}

void RedMetrics::close(Slot& slot) {
  slot_by_key_.erase(&slot);
  --families_[slot.family].series;
  ++families_[slot.family].expired;
  --slot.service->series;
  slot.service = nullptr;
  if (slot.pending != kNone) {
    pending_[slot.pending] = pending_.back();
    slots_[pending_[slot.pending].slot].pending = slot.pending;
    pending_.pop_back();
    slot.pending = kNone;
  }
  if (slot.is_stored) {
    ending_.push_back(slot.index);
  } else {
    free_slot(slot);
  }
}

void RedMetrics::free_slot(Slot& slot) {
  {
    const std::lock_guard lock(mutex_);
    slot.key = nullptr;
  }
  slot.is_stored = false;
  free_slots_.push_back(&slot);
}

void RedMetrics::stage() {
  for (const std::uint32_t slot : ended_) free_slot(slots_[slot]);
  ended_.clear();
  for (const std::uint32_t slot : ending_) store_.stage_free(slot);
  std::swap(ended_, ending_);
  for (const Pending& pending : pending_) {
    Slot& slot = slots_[pending.slot];
    if (slot.is_stored) {
      store_.stage_value(slot.index, pending.value);
    } else {
      store_.stage_series(slot.index, *slot.key, pending.value);
    }
    slot.is_stored = true;
    slot.pending = kNone;
  }
  pending_.clear();
  if (pending_.capacity() > kKeptPending) pending_.shrink_to_fit();
  if (const SeriesTotals now = totals(); now != staged_totals_) {
    store_.stage_totals(now);
    staged_totals_ = now;
  }
}

void RedMetrics::on_selected(const model::TargetProcess& target, base::BootTime time) {
  services_.process_started(target.key, text::to_label_text(target.service.name), time);
}

void RedMetrics::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  services_.others_ended(key, time);
}

void RedMetrics::on_exited(const model::ProcessKey& key, base::BootTime time) {
  services_.process_ended(key, time);
}

void RedMetrics::expire(base::BootTime now) {
  const auto due = services_.next_due();
  if (!due || now < *due) return;
  {
    const std::lock_guard lock(mutex_);
    if (snapshots_ > 0) return;
  }
  for (Slot& slot : slots_) {
    if (slot.service != nullptr && services_.is_over(*slot.service, now)) close(slot);
  }
  services_.forget_over(now);
}

std::optional<base::BootTime> RedMetrics::next_expiry() const { return services_.next_due(); }

std::size_t RedMetrics::services() const { return services_.size(); }

SeriesTotals RedMetrics::totals() const {
  SeriesTotals totals{slots_.size(), sizes_unknown_, restore_refused_, {}};
  std::ranges::copy(families_, totals.families.begin());
  return totals;
}

}  // namespace beyla::exporters::aggregate
