// What a Go executable says of itself: its version, where its functions are (from the table that
// tracebacks use), and where the fields of its structs are (from the type descriptors that
// reflection uses). Needs neither symbols nor DWARF, and knows no table of versions of libraries.
// In: the bytes of an untrusted file, borrowed for the lifetime of the image; few pages of them are
// touched. Out: facts as the file has them: addresses before it is moved (ET_DYN), offsets in
// bytes. One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "probes/go/image/build_info.h"
#include "probes/go/image/elf.h"
#include "probes/go/image/function_table.h"
#include "probes/go/image/image_refusal.h"
#include "probes/go/image/module_data.h"
#include "probes/go/image/type_table.h"

namespace beyla::probes::go {

class GoImage {
 public:
  [[nodiscard]] static std::expected<GoImage, ImageRefusal> read(std::span<const std::byte> file);

  [[nodiscard]] GoVersion version() const { return version_; }
  [[nodiscard]] const ElfFile& elf() const { return elf_; }

  // One result a name, in their order; nullopt: not in the image. A name is spelled as in a
  // traceback, `net/http.(*response).finishRequest`; a dot in the last element of the package's
  // path is `%2e` there. The package may lie in a vendor folder. Of several functions of that name
  // (wrappers for another calling convention) it is the largest. All names in one pass: ask once.
  [[nodiscard]] std::vector<std::optional<Function>> find_functions(
      std::span<const std::string_view> names) const;
  // The code of a function found here, or nothing.
  [[nodiscard]] std::span<const std::byte> code(const Function& function) const;

  // One result a wanted field, in their order; nullopt: no such type or field, or the path goes
  // through a pointer.
  [[nodiscard]] std::vector<std::optional<Field>> find_fields(
      std::span<const WantedField> fields) const;
  // One result a name as in WantedField::type.
  [[nodiscard]] std::vector<std::optional<Type>> find_types(
      std::span<const std::string_view> names) const;

 private:
  GoImage(ElfFile elf, ModuleData module, GoVersion version)
      : elf_(std::move(elf)), module_(module), version_(version) {}

  ElfFile elf_;
  ModuleData module_;
  GoVersion version_;
};

}  // namespace beyla::probes::go
