#include "agent/broker/tls_choice.h"

#include <algorithm>
#include <array>

#include "abi/tls_calls.h"

namespace beyla::broker {
namespace {

using Point = abi::probe_point;
using Points = std::vector<Point>;
using probes::proof::Stepping;

constexpr std::uint8_t kRet = 0xc3;

std::uint32_t plain(const Point& point) { return point.probe & ~std::uint32_t{abi::kTlsByReturn}; }

bool is_by_return(const Point& point) { return point.probe != plain(point); }

// An exit's id is that of its entry and one.
bool ends_without(std::uint32_t enter) { return enter == abi::kTlsFreeEnter; }
bool is_exit_of(const Point& point, const Point& enter) {
  return point.symbol_offset == enter.symbol_offset && plain(point) == enter.probe + 1;
}

bool is_enter(const Point& point) {
  constexpr std::array kEnters = {
      abi::kTlsReadEnter,       abi::kTlsReadExEnter,     abi::kTlsWriteEnter,
      abi::kTlsWriteExEnter,    abi::kTlsHandshakeEnter,  abi::kTlsFreeEnter,
      abi::kTlsRecordRecvEnter, abi::kTlsRecordSendEnter, abi::kTlsShutdownEnter};
  return std::ranges::find(kEnters, point.probe) != kEnters.end();
}

// The exits of a call by one way: by return where that may be and is there.
Points exits_of(const Points& points, const Point& enter, ReturnProbes returns) {
  Points by_return;
  Points by_site;
  for (const Point& point : points) {
    if (is_exit_of(point, enter)) (is_by_return(point) ? by_return : by_site).push_back(point);
  }
  return returns == ReturnProbes::allowed && !by_return.empty() ? by_return : by_site;
}

}  // namespace

Points wanted_tls_points(const Points& points, ReturnProbes returns) {
  Points wanted;
  for (const Point& enter : points) {
    if (!is_enter(enter)) continue;
    const auto exits = exits_of(points, enter, returns);
    if (exits.empty() && !ends_without(enter.probe)) continue;
    wanted.push_back(enter);
    wanted.insert(wanted.end(), exits.begin(), exits.end());
  }
  return wanted;
}

Points complete_tls_points(const Points& wanted, Points proven) {
  const auto same = [](const Point& one) {
    return [&one](const Point& other) {
      return one.probe == other.probe && one.point_offset == other.point_offset;
    };
  };
  for (const Point& point : wanted) {
    if (std::ranges::any_of(proven, same(point))) continue;
    const auto call = is_enter(point) ? point.probe : plain(point) - 1;
    std::erase_if(proven, [&](const Point& other) {
      return other.symbol_offset == point.symbol_offset &&
             (other.probe == call || plain(other) == call + 1);
    });
  }
  return proven;
}

Stepping tls_stepping_of(const Point& point) {
  const bool begins = point.point_offset == point.symbol_offset;
  const bool returns = point.expected[0] == kRet;
  return begins || returns ? Stepping::single_step_allowed : Stepping::emulated_only;
}

bool may_probe_return(const Point& point, std::span<const std::byte> before) {
  constexpr std::array kEndbr64{std::byte{0xf3}, std::byte{0x0f}, std::byte{0x1e}, std::byte{0xfa}};
  return point.point_offset - point.symbol_offset == before.size() &&
         (before.empty() || std::ranges::equal(before, kEndbr64));
}

}  // namespace beyla::broker
