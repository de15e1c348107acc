// The functions that an ELF file's symbol tables name: .dynsym, and .symtab where it was not
// stripped. In: an untrusted file. Pure functions over it; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/elf/elf_file.h"

namespace beyla::probes::elf {

// Entries of one table that are looked at. Chromium's has a million.
inline constexpr std::uint64_t kMaxSymbols = std::uint64_t{1} << 22;
// Functions of one name: static ones of several source files, versions of a library's interface.
inline constexpr std::size_t kMaxNamesakes = 16;
// Of a name with its end, in bytes; mangled names of templates are longer, and are no use here.
inline constexpr std::size_t kMaxNameBytes = 4096;

struct FunctionSymbol {
  std::uint64_t address = 0;  // as in ElfFile; of an indirect one: of its resolver
  std::uint64_t bytes = 0;    // as the table says: 0 in some hand-written code
  bool is_indirect = false;   // STT_GNU_IFUNC: the loader chooses what is called
  friend bool operator==(const FunctionSymbol&, const FunctionSymbol&) = default;
};

// Each function that is defined here, in the order of the tables; one that is in both comes twice.
// The name ends before the first '@', behind which .symtab has a version.
void visit_functions(
    const ElfFile& elf,
    const std::function<void(std::string_view name, const FunctionSymbol& function)>& visit);

// One result a name, in their order: all functions of that name, each address once. All names in
// one pass: ask once.
[[nodiscard]] std::vector<std::vector<FunctionSymbol>> find_functions(
    const ElfFile& elf, std::span<const std::string_view> names);

}  // namespace beyla::probes::elf
