// Integers of HPACK (RFC 7541 §5.1), from untrusted bytes.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>

#include "base/byte_reader.h"

namespace beyla::protocols::http2 {

// Nothing that HPACK counts in HTTP/2 is more: settings have 32 bits (RFC 9113 §6.5.1).
constexpr std::uint64_t kMaxHpackInteger = std::numeric_limits<std::uint32_t>::max();
constexpr unsigned kMaxContinuationBytes = 5;  // 7 bits each; zeros in front of it count

// first: the byte whose low prefix_bits (1..8) begin the integer, read already. nullopt: cut, or
// greater or longer than the limits.
[[nodiscard]] inline std::optional<std::uint32_t> read_hpack_integer(base::ByteReader& reader,
                                                                     std::uint8_t first,
                                                                     unsigned prefix_bits) {
  const std::uint32_t prefix_max = (1U << prefix_bits) - 1;
  const std::uint32_t prefix = first & prefix_max;
  if (prefix < prefix_max) return prefix;
  std::uint64_t value = prefix;
  for (unsigned i = 0; i < kMaxContinuationBytes; ++i) {
    const auto byte = reader.read_u8();
    if (!byte) return std::nullopt;
    value += std::uint64_t{*byte & 0x7FU} << 7U * i;
    if ((*byte & 0x80U) != 0) continue;
    if (value > kMaxHpackInteger) return std::nullopt;
    return static_cast<std::uint32_t>(value);
  }
  return std::nullopt;
}

}  // namespace beyla::protocols::http2
