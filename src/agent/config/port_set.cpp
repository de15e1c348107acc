#include "agent/config/port_set.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <system_error>

#include <fmt/format.h>

#include "agent/config/quoted.h"

namespace beyla::agent::config {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Result<PortRange> parse_range(std::string_view piece) {
  const auto dash = piece.find('-');
  if (dash == std::string_view::npos) {
    const std::uint16_t port = TRY(parse_port(piece));
    return PortRange{port, port};
  }
  const auto part = [piece](std::string_view text) {
    Result<std::uint16_t> port = parse_port(trimmed(text));
    if (!port)
      port = std::unexpected(std::move(port).error().within(fmt::format("in {}", quoted(piece))));
    return port;
  };
  const std::uint16_t first = TRY(part(piece.substr(0, dash)));
  const std::uint16_t last = TRY(part(piece.substr(dash + 1)));
  if (first > last) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("range {} is reversed: write {}-{}", quoted(piece), last, first));
  }
  return PortRange{first, last};
}

// Sorts, and joins ranges that overlap or touch.
std::vector<PortRange> normalised(std::vector<PortRange> ranges) {
  std::ranges::sort(ranges, {}, &PortRange::first);
  std::vector<PortRange> joined;
  for (const PortRange range : ranges) {
    const bool touches = !joined.empty() && range.first <= joined.back().last + 1;
    if (touches) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

}  // namespace

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc() || stop != end || port == 0) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a port (1-65535)", quoted(text)));
  }
  return port;
}

Result<PortSet> PortSet::parse(std::string_view text) {
  std::vector<PortRange> ranges;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    const std::string_view piece = trimmed(text.substr(start, comma - start));
    if (piece.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("empty element in the port list {}", quoted(text)));
    }
    ranges.push_back(TRY(parse_range(piece)));
    start = comma + 1;
  }
  return PortSet(normalised(std::move(ranges)));
}

bool PortSet::contains(std::uint16_t port) const {
  const auto after = std::ranges::upper_bound(ranges_, port, {}, &PortRange::first);
  return after != ranges_.begin() && port <= std::prev(after)->last;
}

}  // namespace beyla::agent::config
