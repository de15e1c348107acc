// The functions of a Go executable, from its pclntab (section .gopclntab).
// Layouts: Go's src/runtime/symtab.go and src/debug/gosym/pclntab.go, 1.17 to 1.26.
// One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/go/image/elf.h"
#include "probes/go/image/module_data.h"
#include "probes/go/image/vendored_name.h"

namespace beyla::probes::go {

struct Function {
  std::uint64_t address = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t bytes = 0;  // to the next function: padding included

  bool operator==(const Function&) const = default;
};

class FunctionTable {
 public:
  // Borrows both for its lifetime.
  FunctionTable(const ElfFile& elf, const ModuleData& module) : elf_(elf), module_(module) {}

  // See GoImage::find_functions.
  [[nodiscard]] std::vector<std::optional<Function>> find(
      std::span<const std::string_view> names) const;

 private:
  // The place of a name in the table of names that was asked for.
  struct FoundName {
    std::uint32_t offset = 0;
    std::uint32_t wanted = 0;
    NameMatch match = NameMatch::none;
  };

  [[nodiscard]] std::vector<FoundName> find_names(std::span<const std::string_view> names) const;
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::optional<std::uint32_t> name_of(std::uint64_t index) const;
  [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t index) const;
  [[nodiscard]] std::optional<Function> function(std::uint64_t index) const;

  const ElfFile& elf_;
  const ModuleData& module_;
};

}  // namespace beyla::probes::go
