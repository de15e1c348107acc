#include "probes/tls/report/rustls_message.h"

#include <algorithm>
#include <array>
#include <span>

namespace beyla::probes::tls {
namespace {

using native::ArgumentReads;

constexpr std::int64_t kSliceBytes = 16;
constexpr std::int64_t kVecBytes = 24;
constexpr std::int64_t kChunksBytes = 32;
constexpr std::int64_t kVersionBytes = 4;  // an enum of 16 bits, and one value more
constexpr std::int64_t kChunksEnd = 24;    // OutboundChunks::Multiple::end

std::optional<std::int64_t> type_place(const ArgumentReads& reads,
                                       std::span<const std::int64_t> places) {
  if (reads.others || reads.bytes.empty() || reads.words.empty()) return std::nullopt;
  const std::int64_t place = *reads.bytes.begin();
  if (*reads.bytes.rbegin() > place + 1 || *reads.words.begin() < 0) return std::nullopt;
  if (std::ranges::find(places, place) == places.end()) return std::nullopt;
  return place;
}

}  // namespace

std::optional<std::uint32_t> sealed_type_place(const ArgumentReads& reads) {
  constexpr std::array<std::int64_t, 4> kPlaces = {kSliceBytes, kSliceBytes + kVersionBytes,
                                                   kChunksBytes, kChunksBytes + kVersionBytes};
  const auto place = type_place(reads, kPlaces);
  if (!place) return std::nullopt;
  const bool is_slice = *place < kChunksBytes;
  const std::int64_t last_word = *reads.words.rbegin();
  if (is_slice ? last_word >= kSliceBytes : last_word != kChunksEnd) return std::nullopt;
  return static_cast<std::uint32_t>(*place);
}

std::optional<std::uint32_t> opened_type_place(const ArgumentReads& reads) {
  constexpr std::array<std::int64_t, 2> kPlaces = {kSliceBytes, kVecBytes + kVersionBytes};
  const auto place = type_place(reads, kPlaces);
  if (!place || *reads.words.rbegin() >= *place) return std::nullopt;
  return static_cast<std::uint32_t>(*place);
}

}  // namespace beyla::probes::tls
