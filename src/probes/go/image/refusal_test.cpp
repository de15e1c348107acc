#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string>

#include "base/byte_reader.h"
#include "probes/go/image/go_image.h"
#include "probes/go/image/synthetic/image_plan.h"

namespace beyla::probes::go {
namespace {

constexpr std::size_t kModuleBytes = 56 * 8;

// A valid image, broken in one place.
class RefusalTest : public testing::Test {
 protected:
  template <typename T>
  void set(std::size_t at, T value) {
    std::memcpy(file_.data() + at, &value, sizeof(value));
  }
  void break_word(std::string_view bytes, std::byte with = std::byte{0}) {
    const auto found = base::as_text(file_).find(bytes);
    ASSERT_NE(found, std::string_view::npos);
    std::fill_n(file_.begin() + static_cast<std::ptrdiff_t>(found), bytes.size(), with);
  }
  std::string judge() const {
    const auto image = GoImage::read(file_);
    return image ? "read" : std::string(refusal_name(image.error()));
  }
  // File offset of the word of moduledata; it stands behind the build information.
  std::size_t module_word(std::size_t word) const {
    const auto elf = ElfFile::read(file_);
    const auto section = elf->section(".go.module");
    return *elf->file_offset(section->address, kModuleBytes) + word * 8;
  }
  std::size_t table() const {
    const auto elf = ElfFile::read(file_);
    return *elf->file_offset(elf->section(".gopclntab")->address, 8);
  }

  std::vector<std::byte> file_ = build_image(plan_of_everything(26));
};

TEST_F(RefusalTest, TheUnbrokenImageIsRead) { EXPECT_EQ(judge(), "read"); }

TEST_F(RefusalTest, NamesAreDistinct) {
  EXPECT_EQ(std::set(kImageRefusalNames.begin(), kImageRefusalNames.end()).size(), kImageRefusals);
}

TEST_F(RefusalTest, WhatIsNoElfFile) {
  set(1, 'e');
  EXPECT_EQ(judge(), "not_elf");
  file_.clear();
  EXPECT_EQ(judge(), "not_elf");
}

TEST_F(RefusalTest, OtherClassesAndMachines) {
  set(EI_CLASS, std::uint8_t{ELFCLASS32});
  EXPECT_EQ(judge(), "unsupported_class");
  set(EI_CLASS, std::uint8_t{ELFCLASS64});
  set(EI_DATA, std::uint8_t{ELFDATA2MSB});
  EXPECT_EQ(judge(), "unsupported_class");
  set(EI_DATA, std::uint8_t{ELFDATA2LSB});
  set(offsetof(Elf64_Ehdr, e_machine), std::uint16_t{EM_RISCV});
  EXPECT_EQ(judge(), "unsupported_machine");
  set(offsetof(Elf64_Ehdr, e_machine), std::uint16_t{EM_AARCH64});
  EXPECT_EQ(judge(), "read");
}

TEST_F(RefusalTest, HeadersOutsideOfTheFile) {
  set(offsetof(Elf64_Ehdr, e_phoff), ~std::uint64_t{0});
  EXPECT_EQ(judge(), "malformed_elf");
  set(offsetof(Elf64_Ehdr, e_phoff), sizeof(Elf64_Ehdr));
  EXPECT_EQ(judge(), "read");
  set(offsetof(Elf64_Ehdr, e_phnum), std::uint16_t{0xffff});
  EXPECT_EQ(judge(), "too_large");
}

TEST_F(RefusalTest, SegmentsOutsideOfTheFile) {
  set(sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_filesz), std::uint64_t{file_.size()});
  EXPECT_EQ(judge(), "malformed_elf");
}

TEST_F(RefusalTest, SegmentsThatAreNotLoadedMayLieAnywhere) {
  const std::size_t at = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
  set(at + offsetof(Elf64_Phdr, p_type), std::uint32_t{PT_NOTE});
  set(at + offsetof(Elf64_Phdr, p_filesz), ~std::uint64_t{0});
  EXPECT_EQ(judge(), "read");
}

TEST_F(RefusalTest, FunctionsInDataAreNone) {
  constexpr std::string_view kNames[] = {"main.main"};
  ASSERT_TRUE(GoImage::read(file_)->find_functions(kNames)[0]);
  set(sizeof(Elf64_Ehdr) + offsetof(Elf64_Phdr, p_flags), std::uint32_t{PF_R});
  EXPECT_FALSE(GoImage::read(file_)->find_functions(kNames)[0]);
}

TEST_F(RefusalTest, TypesOutsideOfTheRangeOfTypesAreNone) {
  constexpr std::string_view kNames[] = {"net/url.URL"};
  ASSERT_TRUE(GoImage::read(file_)->find_types(kNames)[0]);
  std::uint64_t begin = 0;
  std::memcpy(&begin, file_.data() + module_word(37), sizeof(begin));
  set(module_word(38), begin + 8);
  EXPECT_FALSE(GoImage::read(file_)->find_types(kNames)[0]);
}

TEST_F(RefusalTest, SegmentsOverEachOther) {
  file_.resize(elf::kMaxProgramHeaders * 64 * 1024 + file_.size());
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t at = sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr);
    set(at + offsetof(Elf64_Phdr, p_offset), std::uint64_t{0});
    set(at + offsetof(Elf64_Phdr, p_filesz), std::uint64_t{file_.size()});
  }
  EXPECT_EQ(judge(), "malformed_elf");
}

TEST_F(RefusalTest, WhatGoDidNotBuild) {
  break_word(" Go buildinf:");
  EXPECT_EQ(judge(), "not_go") << "a table of functions alone does not say how to read it";
}

TEST_F(RefusalTest, VersionsThatAreNone) {
  break_word("go1.26.3", std::byte{'x'});
  EXPECT_EQ(judge(), "malformed_build_info");
}

TEST_F(RefusalTest, TablesOfFunctionsOfOtherLayouts) {
  set(table(), std::uint32_t{0xfffffffb});
  EXPECT_EQ(judge(), "too_old");
  set(table(), std::uint32_t{0xfffffff2});
  EXPECT_EQ(judge(), "malformed_pclntab");
  set(table(), std::uint32_t{0xfffffff1});
  set(table() + 7, std::uint8_t{4});
  EXPECT_EQ(judge(), "malformed_pclntab");
}

TEST_F(RefusalTest, TooManyFunctions) {
  set(table() + 8, kMaxFunctions + 1);
  EXPECT_EQ(judge(), "too_large");
}

TEST_F(RefusalTest, NoTableOfFunctions) {
  const std::size_t at = table();
  break_word("gopclntab");
  EXPECT_EQ(judge(), "read") << "it is found without its section";
  set(at, std::uint32_t{0});
  EXPECT_EQ(judge(), "no_pclntab");
}

// Each of these must be what the table of functions says.
TEST_F(RefusalTest, ModulesThatDoNotFitTheTable) {
  for (const std::size_t word : {0, 1, 3, 13, 16, 17, 20, 21, 22}) {
    file_ = build_image(plan_of_everything(26));
    set(module_word(word), std::uint64_t{0x123456789});
    EXPECT_EQ(judge(), "no_moduledata") << word;
  }
}

TEST_F(RefusalTest, ModulesWithFewerEntriesThanFunctions) {
  for (const std::size_t word : {17, 18}) set(module_word(word), std::uint64_t{5});
  EXPECT_EQ(judge(), "no_moduledata");
}

TEST_F(RefusalTest, ModulesWithoutTypes) {
  for (const std::size_t word : {37, 38, 42 + 1, 45, 46, 47}) {
    file_ = build_image(plan_of_everything(26));
    set(module_word(word), std::uint64_t{0x123456789});
    EXPECT_EQ(judge(), "malformed_moduledata") << word;
  }
}

TEST_F(RefusalTest, RelocationsOutsideOfTheFile) {
  auto plan = plan_of_everything(26);
  plan.position_independent = true;
  file_ = build_image(plan);
  ASSERT_EQ(judge(), "read");
  const auto dynamic = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
  std::uint64_t offset = 0;
  std::memcpy(&offset, file_.data() + dynamic + offsetof(Elf64_Phdr, p_offset), sizeof(offset));
  set(offset + sizeof(Elf64_Dyn) + 8, ~std::uint64_t{0});  // DT_RELASZ
  EXPECT_EQ(judge(), "malformed_elf");
}

}  // namespace
}  // namespace beyla::probes::go
