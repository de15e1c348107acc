#include "export/console/go_duration.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace beyla::exporters::console {
namespace {

constexpr std::uint64_t kMicrosecond = 1'000;
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;

std::uint64_t rounding_step(std::uint64_t ns) {
  if (ns >= kSecond) return 10 * kMillisecond;
  if (ns >= kMillisecond) return 10 * kMicrosecond;
  if (ns >= kMicrosecond) return 100;
  return 1;
}

std::uint64_t rounded(std::uint64_t ns) {
  const std::uint64_t step = rounding_step(ns);
  const std::uint64_t rest = ns % step;
  return rest * 2 >= step ? ns - rest + step : ns - rest;
}

void append_integer(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;  // 2^64 has 20
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// value / unit without trailing zeros; unit is a power of ten.
void append_decimal(std::string& out, std::uint64_t value, std::uint64_t unit) {
  append_integer(out, value / unit);
  std::uint64_t fraction = value % unit;
  if (fraction == 0) return;
  out.push_back('.');
  for (std::uint64_t place = unit / 10; fraction != 0; place /= 10) {
    out.push_back(static_cast<char>('0' + fraction / place));
    fraction %= place;
  }
}

void append_below_second(std::string& out, std::uint64_t ns) {
  if (ns < kMicrosecond) {
    append_integer(out, ns);
    out += "ns";
  } else if (ns < kMillisecond) {
    append_decimal(out, ns, kMicrosecond);
    out += "\u00b5s";
  } else {
    append_decimal(out, ns, kMillisecond);
    out += "ms";
  }
}

}  // namespace

void append_duration(std::string& out, std::chrono::nanoseconds duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  if (duration.count() < 0) out.push_back('-');
  const std::uint64_t ns = rounded(duration.count() < 0 ? std::uint64_t{0} - count : count);
  if (ns == 0) {
    out += "0s";
    return;
  }
  if (ns < kSecond) {
    append_below_second(out, ns);
    return;
  }
  if (ns >= kHour) {
    append_integer(out, ns / kHour);
    out.push_back('h');
  }
  if (ns >= kMinute) {
    append_integer(out, ns / kMinute % 60);
    out.push_back('m');
  }
  append_decimal(out, ns % kMinute, kSecond);
  out.push_back('s');
}

std::string format_duration(std::chrono::nanoseconds duration) {
  std::string out;
  append_duration(out, duration);
  return out;
}

}  // namespace beyla::exporters::console
