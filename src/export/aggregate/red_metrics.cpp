#include "export/aggregate/red_metrics.h"

#include <algorithm>
#include <boost/container_hash/hash.hpp>
#include <functional>
#include <tuple>

#include "export/aggregate/metric_names.h"

namespace beyla::exporters::aggregate {
namespace {

SeriesKeyView view_of(const SeriesKey& key) {
  return {key.family, key.role, key.operation, key.outcome, key.service};
}

// The clocks of receive and send are one clock, yet a recording may be wrong.
std::uint64_t non_negative(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
}

bool sorts_before(const Series& a, const Series& b) {
  const auto order = [](const SeriesKey& key) {
    return std::tie(key.family, key.role, key.operation, key.outcome, key.service);
  };
  return order(a.key) < order(b.key);
}

}  // namespace

std::size_t RedMetrics::KeyHash::operator()(const SeriesKeyView& key) const {
  const std::hash<std::string_view> hash_text;
  std::size_t seed =
      (static_cast<std::size_t>(key.family) << 8U) | static_cast<std::size_t>(key.role);
  boost::hash_combine(seed, hash_text(key.operation));
  boost::hash_combine(seed, hash_text(key.outcome));
  boost::hash_combine(seed, hash_text(key.service));
  return seed;
}

std::size_t RedMetrics::KeyHash::operator()(const SeriesKey& key) const {
  return (*this)(view_of(key));
}

SeriesValue* RedMetrics::find_or_add(const SeriesKeyView& key) {
  const auto known = series_.find(key);
  if (known != series_.end()) return &known->second;
  if (series_.size() >= max_series_) return nullptr;
  SeriesKey owned{key.family, key.role, std::string(key.operation), std::string(key.outcome),
                  std::string(key.service)};
  return &series_.try_emplace(std::move(owned)).first->second;
}

void RedMetrics::on_span(const model::Span& span) {
  const model::Exchange& exchange = span.exchange;
  const model::Semantics& semantics = exchange.semantics;
  if (find_metric_names(semantics.family, exchange.role) == nullptr) return;
  const SeriesKeyView key{semantics.family, exchange.role, semantics.operation, semantics.outcome,
                          span.service.name};
  const std::uint64_t duration_ns = non_negative(span.total());
  const std::lock_guard lock(mutex_);
  SeriesValue* const series = find_or_add(key);
  if (series == nullptr) {
    over_series_limit_.add();
    return;
  }
  series->duration.observe(duration_ns);
  if (exchange.request_body_bytes) {
    series->request_size.observe(*exchange.request_body_bytes);
  } else {
    sizes_unknown_.add();
  }
}

std::vector<Series> RedMetrics::snapshot() const {
  std::vector<Series> copy;
  {
    const std::lock_guard lock(mutex_);
    copy.reserve(series_.size());
    for (const auto& [key, value] : series_) copy.push_back({key, value});
  }
  std::ranges::sort(copy, sorts_before);
  return copy;
}

}  // namespace beyla::exporters::aggregate
