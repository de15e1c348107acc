// On this very program, whose functions below are written in assembly with their frames.
#include "probes/elf/function_ranges.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "probes/elf/functions.h"

// One that pushes, one of a leaf, and a part that is jumped to with 16 bytes on the stack.
asm(R"(
  .text
  .globl ranges_test_pushes, ranges_test_leaf, ranges_test_part
  .type ranges_test_pushes, @function
  .type ranges_test_leaf, @function
  .type ranges_test_part, @function
ranges_test_pushes:
  .cfi_startproc
  push %rbx
  .cfi_def_cfa_offset 16
  pop %rbx
  ret
  .cfi_endproc
  .size ranges_test_pushes, . - ranges_test_pushes
  nop
ranges_test_leaf:
  .cfi_startproc
  .cfi_personality 0x9b, ranges_test_personality
  ret
  .cfi_endproc
  .size ranges_test_leaf, . - ranges_test_leaf
ranges_test_part:
  .cfi_startproc
  .cfi_def_cfa_offset 16
  ud2
  .cfi_endproc
  .size ranges_test_part, . - ranges_test_part
  .data
  .balign 8
ranges_test_personality: .quad ranges_test_leaf
  .text
)");

namespace beyla::probes::elf {
namespace {

class FunctionRangesTest : public ::testing::Test {
 protected:
  FunctionRangesTest() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto bytes = std::as_bytes(std::span(text));
    file_.assign(bytes.begin(), bytes.end());
  }
  FunctionSymbol symbol(std::string_view name) const {
    return find_functions(ElfFile::read(file_).value(), std::span(&name, 1)).front().at(0);
  }
  FunctionRanges ranges() const { return FunctionRanges(ElfFile::read(file_).value()); }
  void without_sections() {
    Elf64_Ehdr header;
    std::memcpy(&header, file_.data(), sizeof(header));
    header.e_shnum = 0;
    std::memcpy(file_.data(), &header, sizeof(header));
  }
  void check(std::string_view name, bool begins_call) const {
    const auto expected = symbol(name);
    const auto range = ranges().at(expected.address);
    ASSERT_TRUE(range) << name;
    EXPECT_EQ(range->bytes, expected.bytes) << name;
    EXPECT_EQ(range->begins_call, begins_call) << name;
  }

  std::vector<std::byte> file_;
};

TEST_F(FunctionRangesTest, AreThoseOfTheSymbols) {
  check("ranges_test_pushes", true);
  check("ranges_test_leaf", true);
}

TEST_F(FunctionRangesTest, OnesThatAreJumpedToAreTold) { check("ranges_test_part", false); }

TEST_F(FunctionRangesTest, AreAroundEachOfTheirBytesAndNoOther) {
  const auto function = symbol("ranges_test_pushes");
  const auto found = ranges();
  EXPECT_EQ(found.around(function.address + 2)->address, function.address);
  EXPECT_FALSE(found.around(function.address + function.bytes));
  EXPECT_FALSE(found.at(function.address + 1));
  EXPECT_FALSE(found.around(0));
}

TEST_F(FunctionRangesTest, AreTheSameWithoutSectionHeaders) {
  const auto before = ranges();
  without_sections();
  const auto after = ranges();
  ASSERT_FALSE(before.empty());
  EXPECT_TRUE(std::ranges::equal(before.all(), after.all()));
}

// What follows the last entry, an empty one, is something else's.
TEST_F(FunctionRangesTest, EndWithTheTableWithoutSectionHeaders) {
  const auto elf = ElfFile::read(file_).value();
  const auto section = elf.section(".eh_frame").value();
  const auto end = elf.file_offset(section.address, section.bytes).value() + section.bytes;
  const auto before = ranges();
  struct Entry {  // of the section's first CIE
    std::uint32_t length, id;
    std::int32_t begin;
    std::uint32_t bytes, rest;
  } const entry{16, static_cast<std::uint32_t>(section.bytes + 4), 0x100000, 64, 0};
  std::memcpy(file_.data() + end, &entry, sizeof(entry));
  without_sections();
  EXPECT_TRUE(std::ranges::equal(before.all(), ranges().all()));
}

TEST_F(FunctionRangesTest, AreNoneWithoutATable) {
  without_sections();
  auto elf = ElfFile::read(file_).value();
  const auto header = elf.unwind_header().value();
  const auto at = elf.file_offset(header.address, header.bytes).value();
  file_[at] = std::byte{2};  // no version that is known
  EXPECT_TRUE(ranges().empty());
}

// Of a table that says nonsense anywhere, what is found still lies somewhere, and overlaps nothing.
TEST_F(FunctionRangesTest, OfDamagedTablesAreBounded) {
  const auto elf = ElfFile::read(file_).value();
  const auto section = elf.section(".eh_frame").value();
  const auto at = elf.file_offset(section.address, section.bytes).value();
  for (std::size_t offset = 0; offset < std::min<std::size_t>(section.bytes, 400); ++offset) {
    auto damaged = file_;
    damaged[at + offset] ^= std::byte{0xff};
    const auto found = FunctionRanges(ElfFile::read(damaged).value());
    EXPECT_LE(found.all().size(), section.bytes / 16);
    for (const FunctionRange& range : found.all()) {
      const auto around = found.around(range.address);
      EXPECT_EQ(around.value_or(range).address, range.address);
      EXPECT_GT(range.end(), range.address);
    }
  }
}

}  // namespace
}  // namespace beyla::probes::elf
