#include "probes/elf/relocations.h"

#include <elf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <ranges>

namespace beyla::probes::elf {
namespace {

// Neighbours share a bucket: relocations of one object stand together in the table.
constexpr unsigned kBucketAddressBits = 9;
constexpr std::size_t kEntriesPerBucket = 16;

template <typename T>
T load(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

}  // namespace

Relocations::Relocations(std::span<const std::byte> entries, std::uint32_t kind)
    : entries_(entries.first(std::min<std::size_t>(
          entries.size(), std::numeric_limits<std::uint32_t>::max() * sizeof(Elf64_Rela)))),
      kind_(kind) {
  if (!is_sorted()) sort_into_buckets();
}

std::size_t Relocations::count() const { return entries_.size() / sizeof(Elf64_Rela); }
std::uint64_t Relocations::place(std::size_t index) const {
  return load<std::uint64_t>(entries_, index * sizeof(Elf64_Rela) + offsetof(Elf64_Rela, r_offset));
}
std::uint64_t Relocations::value(std::size_t index) const {
  return load<std::uint64_t>(entries_, index * sizeof(Elf64_Rela) + offsetof(Elf64_Rela, r_addend));
}
bool Relocations::is_relative(std::size_t index) const {
  const auto info =
      load<std::uint64_t>(entries_, index * sizeof(Elf64_Rela) + offsetof(Elf64_Rela, r_info));
  return ELF64_R_TYPE(info) == kind_;
}

bool Relocations::is_sorted() const {
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < count(); ++i) {
    const std::uint64_t at = place(i);
    if (at < last) return false;
    last = at;
  }
  return true;
}

std::size_t Relocations::bucket_of(std::uint64_t address) const {
  return (address >> kBucketAddressBits) & (bucket_begins_.size() - 2);
}

// A counting sort by bucket, then by address: linear for what a linker writes, n log n at worst.
void Relocations::sort_into_buckets() {
  bucket_begins_.assign(std::bit_ceil(count() / kEntriesPerBucket + 1) + 1, 0);
  for (std::size_t i = 0; i < count(); ++i) ++bucket_begins_[bucket_of(place(i)) + 1];
  std::partial_sum(bucket_begins_.begin(), bucket_begins_.end(), bucket_begins_.begin());
  order_.resize(count());
  auto next = bucket_begins_;
  for (std::size_t i = 0; i < count(); ++i) {
    order_[next[bucket_of(place(i))]++] = static_cast<std::uint32_t>(i);
  }
  const auto at = [&](std::uint32_t index) { return place(index); };
  for (std::size_t i = 0; i + 1 < bucket_begins_.size(); ++i) {
    const auto bucket =
        std::span(order_).subspan(bucket_begins_[i], bucket_begins_[i + 1] - bucket_begins_[i]);
    if (!std::ranges::is_sorted(bucket, {}, at)) std::ranges::sort(bucket, {}, at);
  }
}

std::optional<std::uint64_t> Relocations::value_if_at(std::size_t index,
                                                      std::uint64_t address) const {
  if (index >= count() || place(index) != address || !is_relative(index)) return std::nullopt;
  return value(index);
}

std::optional<std::uint64_t> Relocations::value_at(std::uint64_t address) const {
  const auto at = [&](std::size_t index) { return place(index); };
  if (order_.empty()) {
    const auto all = std::views::iota(std::size_t{0}, count());
    const auto found = std::ranges::lower_bound(all, address, {}, at);
    return found == all.end() ? std::nullopt : value_if_at(*found, address);
  }
  const std::size_t bucket = bucket_of(address);
  const auto indices = std::span(order_).subspan(
      bucket_begins_[bucket], bucket_begins_[bucket + 1] - bucket_begins_[bucket]);
  const auto found = std::ranges::lower_bound(indices, address, {}, at);
  return found == indices.end() ? std::nullopt : value_if_at(*found, address);
}

std::vector<std::uint64_t> Relocations::places_of(std::uint64_t wanted, std::size_t limit) const {
  std::vector<std::uint64_t> places;
  for (std::size_t i = 0; i < count() && places.size() < limit; ++i) {
    if (value(i) == wanted && is_relative(i)) places.push_back(place(i));
  }
  return places;
}

}  // namespace beyla::probes::elf
