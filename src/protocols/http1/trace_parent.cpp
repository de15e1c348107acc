#include "protocols/http1/trace_parent.h"

#include <algorithm>
#include <cstdint>
#include <span>

namespace beyla::protocols::http1 {
namespace {

constexpr std::string_view kVersion = "00-";
constexpr std::size_t kTraceIdAt = 3;
constexpr std::size_t kSpanIdAt = 36;
constexpr std::size_t kFlagsAt = 53;
constexpr std::size_t kLength = 55;
constexpr std::uint8_t kSampled = 1;

std::optional<std::uint8_t> digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return static_cast<std::uint8_t>(letter - '0');
  if (letter >= 'a' && letter <= 'f') return static_cast<std::uint8_t>(letter - 'a' + 10);
  return std::nullopt;
}

// REQUIRES: text has two digits for each byte.
bool read_hex(std::string_view text, std::span<std::uint8_t> bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto high = digit_of(text[2 * i]);
    const auto low = digit_of(text[2 * i + 1]);
    if (!high || !low) return false;
    bytes[i] = static_cast<std::uint8_t>(*high << 4U | *low);
  }
  return true;
}

bool is_zero(std::span<const std::uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

std::optional<model::TraceParent> parse_trace_parent(std::string_view value) {
  if (value.size() != kLength || !value.starts_with(kVersion)) return std::nullopt;
  if (value[kSpanIdAt - 1] != '-' || value[kFlagsAt - 1] != '-') return std::nullopt;
  model::TraceParent parent;
  std::uint8_t flags = 0;
  const bool is_hex = read_hex(value.substr(kTraceIdAt), parent.trace_id) &&
                      read_hex(value.substr(kSpanIdAt), parent.span_id) &&
                      read_hex(value.substr(kFlagsAt), std::span(&flags, 1));
  if (!is_hex || is_zero(parent.trace_id) || is_zero(parent.span_id)) return std::nullopt;
  parent.sampled = (flags & kSampled) != 0;
  return parent;
}

}  // namespace beyla::protocols::http1
