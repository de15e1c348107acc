#include "agent/broker/tls_places.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "abi/tls_calls.h"

namespace beyla::broker {
namespace {

using probes::loader::TlsPlace;

bool is_fit_for_return(int file, const abi::probe_point& point) {
  std::array<std::byte, 4> before{};
  const std::uint64_t bytes = point.point_offset - point.symbol_offset;
  if (bytes > before.size()) return false;
  const auto got = ::pread(file, before.data(), bytes, static_cast<off_t>(point.symbol_offset));
  return std::cmp_equal(got, bytes) && may_probe_return(point, std::span(before).first(bytes));
}

TlsPlace place_of(const abi::probe_point& point) {
  return {.offset = point.point_offset,
          .probe = point.probe & ~std::uint32_t{abi::kTlsByReturn},
          .at_return = (point.probe & abi::kTlsByReturn) != 0};
}

using Points = std::vector<abi::probe_point>;

// Of `wanted` those of whole calls that are proven.
Points proven_of(const TargetImage& image, const Points& wanted, AttachCounts& counts) {
  auto proven = proven_points(image, wanted, tls_stepping_of, counts);
  std::erase_if(proven, [&](const abi::probe_point& point) {
    if (!place_of(point).at_return || is_fit_for_return(image.file.get(), point)) return false;
    counts.refusals.add(probes::proof::Refusal::outside_symbol);
    return true;
  });
  return complete_tls_points(wanted, std::move(proven));
}

}  // namespace

std::vector<TlsPlace> proven_tls_places(const TargetImage& image, const Points& points,
                                        ReturnProbes returns, AttachCounts& counts) {
  const auto wanted = wanted_tls_points(points, returns);
  auto proven = proven_of(image, wanted, counts);
  if (has_inner(wanted) && proven.size() < wanted.size()) {
    proven = proven_of(image, wanted_tls_points(without_inner(points), returns), counts);
  }
  std::vector<TlsPlace> places;
  std::ranges::transform(proven, std::back_inserter(places), place_of);
  return places;
}

}  // namespace beyla::broker
