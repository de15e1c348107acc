// Finds types of a Go executable by name, and fields in them. Only few descriptors are touched: the
// compiler writes one of `*T` for each named T, and the linker sorts those of pointers by name.
// In: which (a name as WantedField::type). Out: where. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/go/image/type_reader.h"
#include "probes/go/image/vendored_name.h"

namespace beyla::probes::go {

struct WantedField {
  // Path of the package and name of a struct: `net/http.response`, `google.golang.org/grpc.Server`.
  // The package may lie in a vendor folder.
  std::string_view type;
  // `req`; or `conn.fd`, through structs that lie in each other by value.
  std::string_view path;
};

struct Field {
  std::uint32_t offset = 0;  // in bytes, from the beginning of the type asked for
  std::uint32_t bytes = 0;
  Kind kind = Kind::invalid;
  std::uint64_t type_address = 0;  // of the descriptor of the field's type

  bool operator==(const Field&) const = default;
};

struct Type {
  std::uint64_t address = 0;          // of the descriptor
  std::uint64_t pointer_address = 0;  // of the descriptor of the pointer to it, which is what an
                                      // interface that holds such a pointer refers to
  std::uint32_t bytes = 0;

  bool operator==(const Type&) const = default;
};

class TypeTable {
 public:
  // Borrows both for its lifetime.
  TypeTable(const ElfFile& elf, const ModuleData& module, GoVersion version)
      : module_(module), reader_(elf, module, version) {}

  // See GoImage::find_types, find_fields.
  [[nodiscard]] std::optional<Type> find_type(std::string_view name) const;
  [[nodiscard]] std::optional<Field> find_field(const Type& type, std::string_view path) const;

 private:
  struct Candidate {
    Type type;
    NameMatch match = NameMatch::none;
  };

  // The pointer type of that name whose struct belongs to the package.
  [[nodiscard]] std::optional<Candidate> find_pointer(std::string_view pointer_name,
                                                      std::string_view package) const;
  // The struct that a pointer type points to, if it belongs to the package.
  [[nodiscard]] std::optional<Candidate> structure_behind(std::uint64_t pointer,
                                                          std::string_view package) const;
  [[nodiscard]] std::uint64_t count() const { return module_.typelinks.size() / 4; }
  [[nodiscard]] std::uint64_t link(std::uint64_t index) const;
  [[nodiscard]] std::optional<std::string_view> link_name(std::uint64_t index) const;
  [[nodiscard]] std::optional<Field> find_in(std::uint64_t type, std::string_view name) const;

  const ModuleData& module_;
  TypeReader reader_;
};

}  // namespace beyla::probes::go
