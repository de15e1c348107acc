// Where things stand in a ledger's file: frame | regions | redo log, each from a page on. Pages
// that nobody touched cost nothing. Plain data, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace beyla::base {

inline constexpr std::size_t kLedgerPageBytes = 4096;
inline constexpr std::size_t kMaxLedgerRegions = 32;
// Of address space, not of memory: so that no sum overflows.
inline constexpr std::size_t kMaxLedgerBytes = 1UL << 40U;

// Rounded up to whole pages. REQUIRES: at most kMaxLedgerBytes.
[[nodiscard]] constexpr std::size_t in_ledger_pages(std::size_t bytes) {
  return (bytes + kLedgerPageBytes - 1) / kLedgerPageBytes * kLedgerPageBytes;
}

// A file whose first part is any other is none of ours.
struct LedgerShape {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t region_count = 0;
  std::array<std::uint64_t, kMaxLedgerRegions> region_bytes{};
  bool operator==(const LedgerShape&) const = default;
};

struct LedgerFrame {
  LedgerShape shape;
  std::uint64_t has_commits = 0;  // 1: since the first
  std::uint64_t log_bytes = 0;    // of a transaction that is to be applied; 0: none is
};
static_assert(sizeof(LedgerFrame) <= kLedgerPageBytes);

struct LedgerLayout {
  LedgerShape shape;
  std::vector<std::size_t> region_offsets;
  std::size_t log_offset = 0;
  std::size_t log_bytes = 0;
  std::size_t file_bytes = 0;

  [[nodiscard]] static Result<LedgerLayout> make(std::span<const std::size_t> region_bytes);
};

}  // namespace beyla::base
