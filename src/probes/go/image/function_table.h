// The functions of a Go executable, from its pclntab (section .gopclntab).
// Layouts: Go's src/runtime/symtab.go and src/debug/gosym/pclntab.go, 1.16 to 1.26.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/go/image/elf_file.h"
#include "probes/go/image/module_data.h"

namespace beyla::probes::go {

struct Function {
  std::uint64_t address = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t bytes = 0;  // to the next function: padding included

  bool operator==(const Function&) const = default;
};

class FunctionTable {
 public:
  [[nodiscard]] static std::expected<FunctionTable, ImageRefusal> read(const ElfFile& elf,
                                                                       const ModuleData& module);
  // See GoImage::find_functions. `elf`: the one it was read from.
  [[nodiscard]] std::vector<std::optional<Function>> find(
      const ElfFile& elf, std::span<const std::string_view> names) const;

 private:
  FunctionTable() = default;

  std::uint64_t text_ = 0;
};

}  // namespace beyla::probes::go
