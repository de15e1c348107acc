#include "probes/elf/relocations.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace beyla::probes::elf {
namespace {

Elf64_Rela entry(std::uint64_t place, std::uint64_t value, std::uint32_t kind = R_X86_64_RELATIVE) {
  return {.r_offset = place, .r_info = kind, .r_addend = static_cast<std::int64_t>(value)};
}

Relocations of(const std::vector<Elf64_Rela>& entries) {
  return {std::as_bytes(std::span(entries)), R_X86_64_RELATIVE};
}

TEST(Relocations, EmptyTableHasNoValues) {
  EXPECT_FALSE(Relocations().value_at(0));
  EXPECT_FALSE(of({}).value_at(8));
}

TEST(Relocations, OtherKindsAreNoAddresses) {
  const std::vector entries = {entry(8, 1, R_X86_64_64), entry(16, 2)};
  EXPECT_FALSE(of(entries).value_at(8));
  EXPECT_EQ(of(entries).value_at(16), 2u);
  EXPECT_THAT(of(entries).places_of(1, 9), testing::IsEmpty());
}

TEST(Relocations, PlacesOfAValueAreLimited) {
  const std::vector entries = {entry(8, 5), entry(16, 6), entry(24, 5), entry(32, 5)};
  EXPECT_THAT(of(entries).places_of(5, 2), testing::ElementsAre(8, 24));
}

// Sorted, shuffled, and all in few buckets: the same answers.
TEST(Relocations, OrderOfTheTableMakesNoDifference) {
  std::mt19937_64 random(7);
  for (const std::uint64_t stride : {8, 512, 1 << 20}) {
    std::map<std::uint64_t, std::uint64_t> truth;
    std::vector<Elf64_Rela> entries;
    for (std::uint64_t i = 0; i < 2000; ++i) {
      truth[i * stride] = random();
      entries.push_back(entry(i * stride, truth[i * stride]));
    }
    for (const bool shuffled : {false, true}) {
      if (shuffled) std::ranges::shuffle(entries, random);
      const Relocations relocations = of(entries);
      for (const auto& [place, value] : truth) {
        ASSERT_EQ(relocations.value_at(place), value);
        ASSERT_FALSE(relocations.value_at(place + 4));
      }
    }
  }
}

}  // namespace
}  // namespace beyla::probes::elf
