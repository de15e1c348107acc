#include "probes/proof/point_message.h"

#include <algorithm>
#include <utility>

#include "base/byte_reader.h"

namespace beyla::probes::proof {
namespace {

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

bool same_place(const abi::probe_point& one, const abi::probe_point& other) {
  return one.probe == other.probe && one.point_offset == other.point_offset;
}

}  // namespace

std::optional<std::vector<abi::probe_point>> decode_points(std::span<const std::byte> message) {
  if (message.size() != sizeof(abi::probe_points)) return std::nullopt;
  const auto frame = base::ByteReader(message).read_struct<abi::probe_points>();
  if (!frame || frame->version != abi::kProbePointsVersion) return std::nullopt;
  if (frame->length != sizeof(abi::probe_points) || frame->padding != 0) return std::nullopt;
  if (frame->count > abi::kMaxProbePoints) return std::nullopt;

  const auto all = std::span(frame->points);
  const auto used = all.first(frame->count);
  if (!is_zero(std::as_bytes(all.subspan(frame->count)))) return std::nullopt;
  for (auto point = used.begin(); point != used.end(); ++point) {
    if (point->padding != 0) return std::nullopt;
    const auto again = [&](const abi::probe_point& earlier) { return same_place(earlier, *point); };
    if (std::any_of(used.begin(), point, again)) return std::nullopt;
  }
  return std::vector(used.begin(), used.end());
}

}  // namespace beyla::probes::proof
