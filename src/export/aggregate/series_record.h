// How series stand in a region of a ledger: head | records | text blocks. Only beyla's own
// processes on one machine read it: native byte order. A change of these structs is a change of
// kSeriesVersion. Plain data, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "export/aggregate/series.h"

namespace beyla::exporters::aggregate {

inline constexpr std::uint64_t kSeriesVersion = 2;
inline constexpr std::size_t kMaxFamilies = 16;  // rows of metric_names()

struct FamilyTotals {
  std::uint64_t series = 0;
  std::uint64_t expired = 0;
  std::uint64_t overflowed = 0;
  std::uint64_t overflowed_sizes = 0;
  bool operator==(const FamilyTotals&) const = default;
};

struct SeriesTotals {
  std::uint64_t records = 0;  // none is used from this index on
  std::uint64_t sizes_unknown = 0;
  std::uint64_t restore_refused = 0;
  std::array<FamilyTotals, kMaxFamilies> families{};
  bool operator==(const SeriesTotals&) const = default;
};

struct SeriesHead {
  std::uint64_t fingerprint = 0;  // of the structs, the bounds and the families: 0 is none
  SeriesTotals totals;
};

// Operation, outcome, service and route, one behind the other: what does not fit is in blocks. Most
// have none: "GET", "200", and a name and a route of 15 bytes fit.
struct SeriesRecord {
  static constexpr std::size_t kTextBytes = 36;
  std::uint32_t is_used = 0;  // or 1
  std::uint8_t family = 0;
  std::uint8_t role = 0;
  std::uint8_t is_overflow = 0;
  std::uint8_t reserved = 0;
  std::array<std::uint16_t, 4> text_bytes{};
  std::uint32_t first_block = 0;  // its index plus 1; 0: none
  std::array<char, kTextBytes> text{};
  SeriesValue value;
};
static_assert(sizeof(SeriesRecord) == 280 && offsetof(SeriesRecord, value) == 56);
static_assert(std::is_trivially_copyable_v<SeriesRecord>);

struct TextBlock {
  static constexpr std::size_t kTextBytes = 60;
  std::uint32_t next = 0;  // as first_block
  std::array<char, kTextBytes> text{};
};
static_assert(sizeof(TextBlock) == 64);

}  // namespace beyla::exporters::aggregate
