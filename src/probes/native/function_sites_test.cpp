// On this very program, whose functions below are written in assembly.
#include "probes/native/function_sites.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "probes/proof/instruction.h"

asm(R"(
  .text
  .globl native_test_function, native_test_alias
  .type native_test_function, @function
  .type native_test_alias, @function
native_test_function:
native_test_alias:
  endbr64
  push %rbx
  pop %rbx
  xor %eax, %eax
  jmp 1f
1: ret
  .size native_test_function, . - native_test_function
  .size native_test_alias, . - native_test_alias
  .type native_test_function.cold, @function
native_test_function.cold:
  ud2
  .size native_test_function.cold, . - native_test_function.cold
  .globl native_test_sizeless
  .type native_test_sizeless, @function
native_test_sizeless:
  ret
  .globl native_test_indirect
  .type native_test_indirect, @gnu_indirect_function
native_test_indirect:
  lea native_test_function(%rip), %rax
  ret
  .size native_test_indirect, . - native_test_indirect
)");

namespace beyla::probes::native {
namespace {

using ::testing::ElementsAre;

class FunctionSitesTest : public ::testing::Test {
 protected:
  FunctionSitesTest() {
    std::ifstream file("/proc/self/exe", std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto bytes = std::as_bytes(std::span(text));
    file_.assign(bytes.begin(), bytes.end());
  }
  FunctionSites sites_of(std::string_view name) const {
    const auto elf = elf::ElfFile::read(file_).value();
    const auto found = elf::find_functions(elf, std::span(&name, 1)).front();
    EXPECT_EQ(found.size(), 1U) << name;
    return find_function_sites(elf, FunctionStarts(elf), found.front(), 3);
  }

  std::vector<std::byte> file_;
};

TEST_F(FunctionSitesTest, AreOffsetsInTheFile) {
  const auto sites = sites_of("native_test_function");
  ASSERT_TRUE(sites.entry && sites.exits);
  EXPECT_EQ(sites.entry->offset, sites.file_offset + 4);
  EXPECT_THAT(*sites.exits, ElementsAre(sites.file_offset + 8));
  EXPECT_EQ(file_[sites.entry->offset], std::byte{0x53});
  ASSERT_TRUE(sites.returns);
  EXPECT_THAT(*sites.returns, ElementsAre(sites.file_offset + 10));
  EXPECT_EQ(file_[sites.returns->front()], std::byte{0xc3});
  const auto point = point_of(file_, sites, sites.exits->front(), 7);
  EXPECT_EQ(point.probe, 7U);
  EXPECT_EQ(point.symbol_offset, sites.file_offset);
  EXPECT_EQ(point.symbol_bytes, 11U);
  EXPECT_EQ(point.point_offset, sites.file_offset + 8);
  EXPECT_EQ(point.expected[0], 0xeb);
}

TEST_F(FunctionSitesTest, FunctionsBeginWhereNamesWithoutADotStand) {
  const auto elf = elf::ElfFile::read(file_).value();
  const auto address_of = [&](std::string_view name) {
    return elf::find_functions(elf, std::span(&name, 1)).front().front().address;
  };
  const FunctionStarts starts(elf);
  EXPECT_TRUE(starts.contains(address_of("native_test_function")));
  EXPECT_FALSE(starts.contains(address_of("native_test_function") + 1));
  EXPECT_FALSE(starts.contains(address_of("native_test_function.cold")));
}

TEST_F(FunctionSitesTest, AreTheSameByAnotherName) {
  EXPECT_EQ(sites_of("native_test_alias").entry->offset,
            sites_of("native_test_function").entry->offset);
}

TEST_F(FunctionSitesTest, AreRefusedForFunctionsThatAreNone) {
  EXPECT_EQ(sites_of("native_test_indirect").entry.error(), SiteRefusal::indirect_function);
  EXPECT_EQ(sites_of("native_test_indirect").exits.error(), SiteRefusal::indirect_function);
  EXPECT_EQ(sites_of("native_test_sizeless").entry.error(), SiteRefusal::no_code);
  const auto elf = elf::ElfFile::read(file_).value();
  const elf::FunctionSymbol nowhere{.address = 1ULL << 60, .bytes = 8};
  EXPECT_EQ(find_function_sites(elf, FunctionStarts(elf), nowhere, 0).entry.error(),
            SiteRefusal::no_code);
  auto outside = elf::find_functions(elf, std::array{std::string_view("native_test_function")})
                     .front()
                     .front();
  outside.bytes = 1ULL << 63;
  EXPECT_EQ(find_function_sites(elf, FunctionStarts(elf), outside, 0).exits.error(),
            SiteRefusal::no_code);
}

TEST_F(FunctionSitesTest, OfThisProgramAreEmulated) {
  const auto elf = elf::ElfFile::read(file_).value();
  const FunctionStarts starts(elf);
  std::size_t entries = 0;
  std::size_t exits = 0;
  const auto expect_emulated = [&](std::size_t offset) {
    const auto code = std::span(file_).subspan(offset);
    const auto length = proof::InstructionDecoder().length(code);
    EXPECT_EQ(proof::execution_of(code.first(length)), proof::Execution::emulated) << offset;
  };
  elf::visit_functions(elf, [&](std::string_view, const elf::FunctionSymbol& function) {
    const auto sites = find_function_sites(elf, starts, function, 4);
    if (sites.entry && !sites.entry->is_call) {
      ++entries;
      expect_emulated(sites.entry->offset);
    }
    if (!sites.exits) return;
    exits += sites.exits->size();
    for (const std::size_t offset : *sites.exits) expect_emulated(offset);
  });
  EXPECT_GT(entries, 100U);
  EXPECT_GT(exits, 0U);
}

}  // namespace
}  // namespace beyla::probes::native
