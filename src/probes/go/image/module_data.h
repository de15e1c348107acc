// runtime.firstmoduledata of a Go executable: where the tables of functions and types are.
// Layouts: Go's src/runtime/symtab.go (moduledata, pcHeader), 1.17 to 1.26. Nothing in it is
// believed that the table of functions contradicts.
#pragma once

#include <cstdint>
#include <expected>
#include <span>

#include "probes/go/image/elf.h"

namespace beyla::probes::go {

// pclntab has a new magic number for each new layout.
enum class TableFormat : std::uint8_t { go1_16, go1_18, go1_20 };

struct ModuleData {
  TableFormat format = TableFormat::go1_20;
  std::uint64_t text = 0;                     // what offsets of functions are relative to
  std::span<const std::byte> function_names;  // each ends with a zero byte
  std::span<const std::byte> functions;       // their descriptions (runtime._func)
  std::uint64_t entries_address = 0;
  std::span<const std::byte> entries;  // sorted by address, with one more behind the last function
  std::uint64_t types = 0;             // what offsets of types and names are relative to
  std::uint64_t types_end = 0;
  std::span<const std::byte> typelinks;  // offsets of types, 4 bytes each
};

inline constexpr std::uint64_t kMaxFunctions = 4'000'000;  // prometheus 3.7: 147,000
inline constexpr std::uint64_t kMaxTypeLinks = 4'000'000;  // prometheus 3.7: 87,000

[[nodiscard]] std::expected<ModuleData, ImageRefusal> read_module_data(const ElfFile& elf);

}  // namespace beyla::probes::go
