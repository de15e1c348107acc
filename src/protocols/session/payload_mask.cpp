#include "protocols/session/payload_mask.h"

#include <algorithm>

namespace beyla::protocols::session {
namespace {

std::byte masked(std::byte octet) {
  const bool capital = (octet >= std::byte{'A'} && octet <= std::byte{'Z'}) ||
                       octet == std::byte{'-'} || octet == std::byte{'_'};
  return capital ? PayloadMask::kCapitalMask : PayloadMask::kMask;
}

bool is_line_end(std::byte octet) { return octet == std::byte{'\r'} || octet == std::byte{'\n'}; }

}  // namespace

void PayloadMask::retain(model::ConnectionId connection, model::Direction direction,
                         std::uint64_t offset, std::uint64_t length) {
  if (!ranges_.empty()) {
    Range& last = ranges_.back();
    if (last.connection == connection && last.direction == direction && last.end == offset) {
      last.end += length;
      return;
    }
  }
  ranges_.push_back({connection, direction, offset, offset + length});
}

void PayloadMask::apply(const model::StreamData& event, std::span<std::byte> head,
                        std::span<std::byte> tail) {
  // Ranges of other records belong to bytes that were written before.
  std::erase_if(ranges_, [&event](const Range& range) {
    return range.connection != event.connection || range.direction != event.direction;
  });
  std::ranges::sort(ranges_, {}, &Range::begin);
  mask(event.offset, head);
  mask(event.offset + event.total_bytes - tail.size(), tail);
  ranges_.clear();
}

void PayloadMask::mask(std::uint64_t offset, std::span<std::byte> bytes) const {
  auto range = ranges_.begin();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint64_t position = offset + i;
    while (range != ranges_.end() && range->end <= position) ++range;
    const bool kept = range != ranges_.end() && range->begin <= position;
    if (!kept && !is_line_end(bytes[i])) bytes[i] = masked(bytes[i]);
  }
}

}  // namespace beyla::protocols::session
