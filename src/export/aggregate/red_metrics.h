// Spans in; rate, errors and durations per series out. on_span() comes from any shard's thread and
// holds a mutex for one lookup and two additions, without allocating for a known series;
// snapshot() is for the scraper's thread.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "model/span.h"

namespace beyla::exporters::aggregate {

// Upper bounds, inclusive; the bucket without bound comes last.
inline constexpr std::array<std::uint64_t, 14> kDurationBoundsNs = {
    5'000'000,     10'000'000,    25'000'000,    50'000'000,    75'000'000,
    100'000'000,   250'000'000,   500'000'000,   750'000'000,   1'000'000'000,
    2'500'000'000, 5'000'000'000, 7'500'000'000, 10'000'000'000};
inline constexpr std::array<std::uint64_t, 10> kSizeBoundsBytes = {0,   32,   64,   128,  256,
                                                                   512, 1024, 2048, 4096, 8192};

// Integers throughout: the sum stays exact (in ns, u64 lasts for 584 years of requests).
template <const auto& kBounds>
struct Histogram {
  std::array<std::uint64_t, kBounds.size() + 1> counts{};  // per bucket, not cumulative
  std::uint64_t sum = 0;

  void observe(std::uint64_t value) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && value > kBounds[bucket]) ++bucket;
    ++counts[bucket];
    sum += value;
  }
  [[nodiscard]] std::uint64_t count() const {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  }
};

using DurationHistogram = Histogram<kDurationBoundsNs>;
using SizeHistogram = Histogram<kSizeBoundsBytes>;

// Text is std::string (owned) or std::string_view (borrowed, for lookups). Declaration order is
// the order of a snapshot.
template <typename Text>
struct BasicSeriesKey {
  model::MetricFamily family = model::MetricFamily::http;
  model::Role role = model::Role::unknown;
  Text operation;
  Text outcome;
  Text service;
};
using SeriesKey = BasicSeriesKey<std::string>;
using SeriesKeyView = BasicSeriesKey<std::string_view>;

struct SeriesValue {
  DurationHistogram duration;
  SizeHistogram request_size;
};

struct Series {
  SeriesKey key;
  SeriesValue value;
};

class RedMetrics final : public model::SpanSink {
 public:
  // A service can answer with any three digits: without a limit, it could fill our memory.
  static constexpr std::size_t kMaxSeries = 10'000;

  explicit RedMetrics(std::size_t max_series = kMaxSeries) : max_series_(max_series) {}

  // Spans of a role without metrics (metric_names.h) are not counted.
  void on_span(const model::Span& span) override;

  // Sorted by key.
  [[nodiscard]] std::vector<Series> snapshot() const;

  // Spans whose request size was unknown: they are missing in the size histograms.
  [[nodiscard]] const base::Counter& sizes_unknown() const { return sizes_unknown_; }
  // Spans that would have opened one series too many: they are in no histogram.
  [[nodiscard]] const base::Counter& over_series_limit() const { return over_series_limit_; }

 private:
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const SeriesKeyView& key) const;
    std::size_t operator()(const SeriesKey& key) const;
  };
  struct KeyEqual {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return a.family == b.family && a.role == b.role && a.operation == b.operation &&
             a.outcome == b.outcome && a.service == b.service;
    }
  };

  // nullptr when the limit is reached. REQUIRES: mutex_ is held.
  [[nodiscard]] SeriesValue* find_or_add(const SeriesKeyView& key);

  const std::size_t max_series_;
  base::Counter sizes_unknown_;
  base::Counter over_series_limit_;
  mutable std::mutex mutex_;
  boost::unordered_flat_map<SeriesKey, SeriesValue, KeyHash, KeyEqual> series_;
};

}  // namespace beyla::exporters::aggregate
