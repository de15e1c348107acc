// Reads the descriptors of types in a Go executable. Addresses in, facts out; nothing is kept.
// Layouts: Go's src/internal/abi/type.go (before 1.21: src/reflect/type.go), 1.17 to 1.26.
// Views of names live as long as the file's bytes. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "probes/go/image/build_info.h"
#include "probes/go/image/elf.h"
#include "probes/go/image/kind.h"
#include "probes/go/image/module_data.h"

namespace beyla::probes::go {

// What all descriptors begin with.
struct TypeHead {
  std::uint64_t bytes = 0;
  Kind kind = Kind::invalid;
  std::uint8_t tags = 0;
  std::uint32_t name_offset = 0;
};

struct StructFields {
  std::uint64_t address = 0;
  std::uint64_t count = 0;
};

struct StructField {
  std::string_view name;
  std::uint64_t type = 0;  // address of its descriptor
  std::uint64_t offset = 0;
};

inline constexpr std::uint64_t kMaxStructFields = 16'384;

class TypeReader {
 public:
  // Borrows both for its lifetime.
  TypeReader(const ElfFile& elf, const ModuleData& module, GoVersion version)
      : elf_(elf), module_(module), offsets_are_shifted_(version < GoVersion{1, 19, 0}) {}

  // Each nullopt: not a descriptor of that kind, or one that is beyond a limit.
  [[nodiscard]] std::optional<TypeHead> head(std::uint64_t type) const;
  // As the program itself would print it: `*http.Request`.
  [[nodiscard]] std::optional<std::string_view> name(const TypeHead& head) const;
  // `net/http`; of types with a name only.
  [[nodiscard]] std::optional<std::string_view> package(std::uint64_t type,
                                                        const TypeHead& head) const;
  // What the pointer type points to.
  [[nodiscard]] std::optional<std::uint64_t> pointee(std::uint64_t type,
                                                     const TypeHead& head) const;
  [[nodiscard]] std::optional<StructFields> fields(std::uint64_t type, const TypeHead& head) const;
  // REQUIRES: index < fields.count.
  [[nodiscard]] std::optional<StructField> field(const StructFields& fields,
                                                 std::uint64_t index) const;

 private:
  [[nodiscard]] std::optional<std::string_view> name_at(std::uint64_t address) const;

  const ElfFile& elf_;
  const ModuleData& module_;
  bool offsets_are_shifted_;
};

}  // namespace beyla::probes::go
