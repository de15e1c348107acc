// The relative relocations of a position-independent executable (DT_RELA): which words of its data
// are addresses, and which. DT_RELR needs no reading: there the word itself holds the address.
// One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace beyla::probes::elf {

class Relocations {
 public:
  // `entries`: the table, borrowed; `kind`: the type of relocation that is a relative one. Reads
  // all of it once. 4 bytes an entry are kept unless the table is sorted: Go's own linker does not
  // sort it, others do.
  Relocations(std::span<const std::byte> entries, std::uint32_t kind);
  Relocations() = default;

  // What the loader will put at `address`, before the executable is moved; nullopt: not a word of
  // this table.
  [[nodiscard]] std::optional<std::uint64_t> value_at(std::uint64_t address) const;
  // Where the loader will put `value`; at most `limit` places.
  [[nodiscard]] std::vector<std::uint64_t> places_of(std::uint64_t value, std::size_t limit) const;

 private:
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::uint64_t place(std::size_t index) const;
  [[nodiscard]] std::uint64_t value(std::size_t index) const;
  [[nodiscard]] bool is_relative(std::size_t index) const;
  [[nodiscard]] std::size_t bucket_of(std::uint64_t address) const;
  [[nodiscard]] bool is_sorted() const;
  void sort_into_buckets();
  [[nodiscard]] std::optional<std::uint64_t> value_if_at(std::size_t index,
                                                         std::uint64_t address) const;

  std::span<const std::byte> entries_;
  std::uint32_t kind_ = 0;
  // Empty where the table itself is sorted. Otherwise its indices by bucket, sorted in each.
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> bucket_begins_;
};

}  // namespace beyla::probes::elf
