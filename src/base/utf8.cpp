#include "base/utf8.h"

#include <array>
#include <cstdint>

namespace beyla::base {
namespace {

// Table 3-7: which second byte may follow which first byte; further bytes are 80..BF.
struct Row {
  std::uint8_t first_low;
  std::uint8_t first_high;
  std::uint8_t second_low;
  std::uint8_t second_high;
  std::uint8_t bytes;
};
constexpr std::array kRows = {
    Row{0xc2, 0xdf, 0x80, 0xbf, 2}, Row{0xe0, 0xe0, 0xa0, 0xbf, 3}, Row{0xe1, 0xec, 0x80, 0xbf, 3},
    Row{0xed, 0xed, 0x80, 0x9f, 3}, Row{0xee, 0xef, 0x80, 0xbf, 3}, Row{0xf0, 0xf0, 0x90, 0xbf, 4},
    Row{0xf1, 0xf3, 0x80, 0xbf, 4}, Row{0xf4, 0xf4, 0x80, 0x8f, 4},
};

bool matches(const Row& row, std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  if (text.size() < row.bytes || byte(0) < row.first_low || byte(0) > row.first_high) return false;
  if (byte(1) < row.second_low || byte(1) > row.second_high) return false;
  for (std::size_t at = 2; at < row.bytes; ++at) {
    if ((byte(at) & 0xc0U) != 0x80U) return false;
  }
  return true;
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  if (static_cast<std::uint8_t>(text.front()) < 0x80) return 1;
  for (const Row& row : kRows) {
    if (matches(row, text)) return row.bytes;
  }
  return 0;
}

}  // namespace beyla::base
