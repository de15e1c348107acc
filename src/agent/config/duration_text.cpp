#include "agent/config/duration_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <ranges>

#include <fmt/format.h>

#include "agent/config/quoted.h"

namespace beyla::agent::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// Both letters that Unicode has for micro: U+00B5 and U+03BC.
constexpr std::array kUnits = {
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"\u00b5s", 1'000},
    Unit{"\u03bcs", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
};
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  const auto end = std::ranges::find_if_not(text, is_digit);
  const auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

const Unit* take_unit(std::string_view& text) {
  // Up to the next number; so "m" does not hide "ms".
  const auto end = std::ranges::find_if(text, [](char c) { return c == '.' || is_digit(c); });
  const auto name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  const auto unit = std::ranges::find(kUnits, name, &Unit::name);
  text.remove_prefix(name.size());
  return unit == kUnits.end() ? nullptr : &*unit;
}

std::optional<std::int64_t> whole_part(std::string_view digits, std::int64_t unit) {
  std::int64_t value = 0;
  for (const char c : digits) {
    if (value > (kMax - (c - '0')) / 10) return std::nullopt;
    value = value * 10 + (c - '0');
  }
  if (value > kMax / unit) return std::nullopt;
  return value * unit;
}

// From the last digit on, floor((floor(x) + n) / 10) = floor((x + n) / 10): exact, and never above
// ten units.
std::int64_t fraction_part(std::string_view digits, std::int64_t unit) {
  std::int64_t value = 0;
  for (const char c : std::views::reverse(digits)) value = (value + (c - '0') * unit) / 10;
  return value;
}

// One number with its unit; nullopt where there is none or it is too large.
std::optional<std::int64_t> take_part(std::string_view& text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const Unit* const unit = take_unit(text);
  if (unit == nullptr) return std::nullopt;
  const auto value = whole_part(whole, unit->nanoseconds);
  const std::int64_t rest = fraction_part(fraction, unit->nanoseconds);
  if (!value || *value > kMax - rest) return std::nullopt;
  return *value + rest;
}

}  // namespace

base::Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  std::int64_t total = 0;
  std::string_view rest = text;
  do {
    const auto part = take_part(rest);
    if (!part || *part > kMax - total) {
      return base::fail(
          base::ErrorCode::invalid_argument,
          fmt::format("{} is not a duration (for example 5m, 1h30m, 3s or 500ms)", quoted(text)));
    }
    total += *part;
  } while (!rest.empty());
  return std::chrono::nanoseconds(total);
}

}  // namespace beyla::agent::config
