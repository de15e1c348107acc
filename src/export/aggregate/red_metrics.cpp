#include "export/aggregate/red_metrics.h"

#include <algorithm>
#include <boost/container_hash/hash.hpp>
#include <functional>
#include <iterator>
#include <string_view>
#include <utility>

#include "export/text/label_text.h"

namespace beyla::exporters::aggregate {
namespace {

SeriesKeyView view_of(const SeriesKey& key) {
  return {key.family, key.role, key.is_overflow, key.operation, key.outcome, key.service};
}

SeriesKeyView key_of(const model::Span& span) {
  const model::Semantics& semantics = span.exchange.semantics;
  return {semantics.family,    span.exchange.role, false,
          semantics.operation, semantics.outcome,  span.service.name};
}

// The clocks of receive and send are one clock, yet a recording may be wrong.
std::uint64_t non_negative(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
}

}  // namespace

// While one lives, no series is dropped: a scrape has all series of a service or none.
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

std::size_t RedMetrics::KeyHash::operator()(const SeriesKeyView& key) const {
  const std::hash<std::string_view> hash_text;
  std::size_t seed = (static_cast<std::size_t>(key.family) << 8U) |
                     (static_cast<std::size_t>(key.role) << 1U) |
                     static_cast<std::size_t>(key.is_overflow);
  boost::hash_combine(seed, hash_text(key.operation));
  boost::hash_combine(seed, hash_text(key.outcome));
  boost::hash_combine(seed, hash_text(key.service));
  return seed;
}

RedMetrics::RedMetrics(RedOptions options) : options_(options), services_(options.ttl) {
  for (const MetricNames& names : metric_names()) families_.push_back({.names = &names});
}

void RedMetrics::on_span(const model::Span& span) {
  const model::Exchange& exchange = span.exchange;
  const MetricNames* const names = find_metric_names(exchange.semantics.family, exchange.role);
  if (names == nullptr) return;
  const std::uint64_t duration_ns = non_negative(span.total());
  const std::lock_guard lock(mutex_);
  FamilyCounts& family = families_[static_cast<std::size_t>(names - metric_names().data())];
  Slot& slot = slot_for(key_of(span), family, exchange.end);
  slot.value.duration.observe(duration_ns);
  if (exchange.request_body_bytes) {
    slot.value.request_size.observe(*exchange.request_body_bytes);
  } else {
    sizes_unknown_.add();
  }
  if (slot.service != nullptr) {
    slot.service->last_seen = std::max(slot.service->last_seen, exchange.end);
  } else {
    ++family.overflowed;
    family.overflowed_sizes += exchange.request_body_bytes ? 1 : 0;
  }
}

RedMetrics::Slot& RedMetrics::slot_for(const SeriesKeyView& key, FamilyCounts& family,
                                       base::BootTime time) {
  if (const auto known = slot_by_key_.find(key); known != slot_by_key_.end()) return *known->second;
  SeriesKey owned{key.family,
                  key.role,
                  false,
                  text::to_label_text(key.operation),
                  text::to_label_text(key.outcome),
                  text::to_label_text(key.service)};
  const auto known = slot_by_key_.find(view_of(owned));
  if (known != slot_by_key_.end()) return *known->second;
  const bool has_overflow = slot_by_key_.contains({key.family, key.role, true, "", "", ""});
  const std::uint64_t reserved = has_overflow ? 0 : 1;
  if (family.series + reserved >= options_.max_series) return overflow_of(key, family);
  ServiceState& service = services_.open(owned.service, time);
  ++service.series;
  Slot& slot = open(std::move(owned), family);
  slot.service = &service;
  return slot;
}

RedMetrics::Slot& RedMetrics::overflow_of(const SeriesKeyView& key, FamilyCounts& family) {
  SeriesKey overflow{key.family, key.role, true, "", "", ""};
  const auto known = slot_by_key_.find(view_of(overflow));
  return known != slot_by_key_.end() ? *known->second : open(std::move(overflow), family);
}

RedMetrics::Slot& RedMetrics::open(SeriesKey key, FamilyCounts& family) {
  if (free_slots_.empty()) free_slots_.push_back(&slots_.emplace_back());
  Slot& slot = *free_slots_.back();
  free_slots_.pop_back();
  slot.key = std::make_shared<const SeriesKey>(std::move(key));
  slot.family = &family;
  slot_by_key_.emplace(view_of(*slot.key), &slot);
  ++family.series;
  return slot;
}

void RedMetrics::close(Slot& slot) {
  slot_by_key_.erase(view_of(*slot.key));
  --slot.family->series;
  ++slot.family->expired;
  --slot.service->series;
  slot = Slot{};
  free_slots_.push_back(&slot);
}

void RedMetrics::on_selected(const model::TargetProcess& target, base::BootTime time) {
  const std::string name = text::to_label_text(target.service.name);
  const std::lock_guard lock(mutex_);
  services_.process_started(target.key, name, time);
}

void RedMetrics::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  const std::lock_guard lock(mutex_);
  services_.others_ended(key, time);
}

void RedMetrics::on_exited(const model::ProcessKey& key, base::BootTime time) {
  const std::lock_guard lock(mutex_);
  services_.process_ended(key, time);
}

void RedMetrics::expire(base::BootTime now) {
  const std::lock_guard lock(mutex_);
  const auto due = services_.next_due();
  if (snapshots_ > 0 || !due || now < *due) return;
  for (Slot& slot : slots_) {
    if (slot.service != nullptr && services_.is_over(*slot.service, now)) close(slot);
  }
  services_.forget_over(now);
}

std::optional<base::BootTime> RedMetrics::next_expiry() const {
  const std::lock_guard lock(mutex_);
  return services_.next_due();
}

std::vector<Series> RedMetrics::snapshot() const {
  const SnapshotScope scope(*this);
  std::vector<Series> all;
  for (const FamilyCounts& family : counts()) all.reserve(all.capacity() + family.series);
  std::vector<Series> slice;
  slice.reserve(kSliceSeries);
  std::size_t next_slot = 0;
  while (copy_slice(next_slot, slice)) {
    std::ranges::move(slice, std::back_inserter(all));
    slice.clear();
  }
  std::ranges::sort(all, [](const Series& a, const Series& b) { return *a.key < *b.key; });
  return all;
}

bool RedMetrics::copy_slice(std::size_t& next_slot, std::vector<Series>& slice) const {
  const std::lock_guard lock(mutex_);
  if (next_slot >= slots_.size()) return false;
  const std::size_t end = std::min(next_slot + kSliceSeries, slots_.size());
  for (; next_slot < end; ++next_slot) {
    const Slot& slot = slots_[next_slot];
    if (slot.key != nullptr) slice.push_back({slot.key, slot.value});
  }
  return true;
}

std::vector<FamilyCounts> RedMetrics::counts() const {
  const std::lock_guard lock(mutex_);
  return families_;
}

std::size_t RedMetrics::services() const {
  const std::lock_guard lock(mutex_);
  return services_.size();
}

}  // namespace beyla::exporters::aggregate
