// The head of the table of functions of a Go executable (runtime.pcHeader): where it is and which
// layout it has. Layouts: Go's src/runtime/symtab.go and src/debug/gosym/pclntab.go.
#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "probes/go/image/elf.h"
#include "probes/go/image/module_data.h"

namespace beyla::probes::go {

struct Pclntab {
  std::uint64_t address = 0;
  TableFormat format = TableFormat::go1_20;
  std::uint64_t functions = 0;         // how many
  std::uint64_t names_offset = 0;      // of the names of the functions, from `address`
  std::uint64_t functions_offset = 0;  // of the entries and descriptions, from `address`
};

// Bytes of an entry: the address of a function and the offset of its description.
[[nodiscard]] constexpr std::uint64_t entry_bytes(TableFormat format) {
  return format == TableFormat::go1_16 ? 16 : 8;
}

// By the section's name; where there are no sections all that look like it, a few at most.
[[nodiscard]] std::expected<std::vector<Pclntab>, ImageRefusal> find_pclntabs(const ElfFile& elf);

}  // namespace beyla::probes::go
