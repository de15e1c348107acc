#include "probes/elf/functions.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace beyla::probes::elf {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A file of a header, three section headers (none, .symtab, its names) and what they describe.
class FunctionsTest : public ::testing::Test {
 protected:
  struct Symbol {
    std::string name;
    std::uint64_t address;
    std::uint64_t bytes;
    unsigned char type = STT_FUNC;
    std::uint16_t section = 1;
  };

  void add(const Symbol& symbol) {
    symbols_.push_back({.st_name = static_cast<std::uint32_t>(names_.size()),
                        .st_info = ELF64_ST_INFO(STB_GLOBAL, symbol.type),
                        .st_other = 0,
                        .st_shndx = symbol.section,
                        .st_value = symbol.address,
                        .st_size = symbol.bytes});
    names_ += symbol.name + '\0';
  }

  [[nodiscard]] std::vector<std::byte> build(std::uint32_t type = SHT_SYMTAB) const {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = EM_X86_64;
    header.e_shoff = sizeof(header);
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = 3;
    Elf64_Shdr sections[3]{};
    const std::uint64_t begin = sizeof(header) + sizeof(sections);
    sections[1].sh_type = type;
    sections[1].sh_offset = begin;
    sections[1].sh_size = symbols_.size() * sizeof(Elf64_Sym);
    sections[1].sh_entsize = sizeof(Elf64_Sym);
    sections[1].sh_link = 2;
    sections[2].sh_type = SHT_STRTAB;
    sections[2].sh_offset = begin + sections[1].sh_size;
    sections[2].sh_size = names_.size();
    std::vector<std::byte> file;
    const auto append = [&](const void* data, std::size_t bytes) {
      const auto* first = static_cast<const std::byte*>(data);
      file.insert(file.end(), first, first + bytes);
    };
    append(&header, sizeof(header));
    append(sections, sizeof(sections));
    append(symbols_.data(), sections[1].sh_size);
    append(names_.data(), names_.size());
    return file;
  }

  static std::vector<FunctionSymbol> find(const std::vector<std::byte>& file,
                                          std::string_view name) {
    return find_functions(ElfFile::read(file).value(), std::span(&name, 1)).front();
  }

  std::vector<Elf64_Sym> symbols_;
  std::string names_;
};

TEST_F(FunctionsTest, AreFoundByNameInEitherTable) {
  add({"SSL_read", 0x100, 8});
  add({"SSL_reader", 0x200, 8});
  EXPECT_THAT(find(build(), "SSL_read"), ElementsAre(FunctionSymbol{0x100, 8, false}));
  EXPECT_THAT(find(build(SHT_DYNSYM), "SSL_read"), ElementsAre(FunctionSymbol{0x100, 8, false}));
  EXPECT_THAT(find(build(), "SSL"), IsEmpty());
}

TEST_F(FunctionsTest, OfSeveralVersionsAreAllFoundAndAliasesOnce) {
  add({"read@@NEW", 0x100, 8});
  add({"read@OLD", 0x200, 8});
  add({"read", 0x100, 8});
  EXPECT_THAT(find(build(), "read"),
              ElementsAre(FunctionSymbol{0x100, 8, false}, FunctionSymbol{0x200, 8, false}));
}

TEST_F(FunctionsTest, AreOnlyThoseThatAreDefinedHere) {
  add({"one", 0, 0, STT_FUNC, SHN_UNDEF});
  add({"one", 0x100, 8, STT_OBJECT});
  add({"one", 0x200, 8, STT_FUNC, SHN_ABS});
  EXPECT_THAT(find(build(), "one"), IsEmpty());
  add({"one", 0x300, 8, STT_GNU_IFUNC});
  EXPECT_THAT(find(build(), "one"), ElementsAre(FunctionSymbol{0x300, 8, true}));
}

TEST_F(FunctionsTest, OfOneNameAreLimited) {
  for (std::uint64_t index = 0; index <= kMaxNamesakes; ++index) add({"one", 0x100 + index, 1});
  EXPECT_EQ(find(build(), "one").size(), kMaxNamesakes);
}

TEST_F(FunctionsTest, NamesMayLieAnywhereAndNeedAnEnd) {
  add({"first", 0x100, 8});
  add({"last", 0x200, 8});
  names_.pop_back();
  EXPECT_THAT(find(build(), "last"), IsEmpty());
  EXPECT_EQ(find(build(), "first").size(), 1U);
  symbols_[0].st_name = 0xffffffff;
  EXPECT_THAT(find(build(), "first"), IsEmpty());
}

TEST_F(FunctionsTest, AreNoneWhereATableDoesNotLieInTheFile) {
  add({"one", 0x100, 8});
  auto file = build();
  ASSERT_EQ(find(file, "one").size(), 1U);
  file.resize(file.size() - 1);
  EXPECT_THAT(find(file, "one"), IsEmpty());
}

}  // namespace
}  // namespace beyla::probes::elf
