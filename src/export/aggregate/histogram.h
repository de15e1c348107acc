// Histograms with fixed bounds, in integers throughout: sums stay exact. Plain data, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>

namespace beyla::exporters::aggregate {

// Upper bounds, inclusive; the bucket without bound comes last.
inline constexpr std::array<std::uint64_t, 14> kDurationBoundsNs = {
    5'000'000,     10'000'000,    25'000'000,    50'000'000,    75'000'000,
    100'000'000,   250'000'000,   500'000'000,   750'000'000,   1'000'000'000,
    2'500'000'000, 5'000'000'000, 7'500'000'000, 10'000'000'000};
inline constexpr std::array<std::uint64_t, 10> kSizeBoundsBytes = {0,   32,   64,   128,  256,
                                                                   512, 1024, 2048, 4096, 8192};

// In ns, a u64 sum lasts for 584 years of requests.
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

}  // namespace beyla::exporters::aggregate
