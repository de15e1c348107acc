// The types of a Go executable, from the descriptors that its runtime uses for reflection.
// Layouts: Go's src/internal/abi/type.go (before 1.21: src/reflect/type.go), 1.17 to 1.26.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/go/image/build_info.h"
#include "probes/go/image/elf_file.h"
#include "probes/go/image/module_data.h"

namespace beyla::probes::go {

// abi.Kind, in Go's numbering.
enum class Kind : std::uint8_t {
  invalid,
  boolean,
  int_,
  int8,
  int16,
  int32,
  int64,
  uint,
  uint8,
  uint16,
  uint32,
  uint64,
  uintptr,
  float32,
  float64,
  complex64,
  complex128,
  array,
  chan,
  func,
  interface,
  map,
  pointer,
  slice,
  string,
  struct_,
  unsafe_pointer,
};

struct WantedField {
  // Path of the package and name of the type: `net/http.response`, `google.golang.org/grpc.Server`.
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
};

struct Type {
  std::uint64_t address = 0;          // of the descriptor
  std::uint64_t pointer_address = 0;  // of the descriptor of the type `*T`: what is in an interface
  std::uint32_t bytes = 0;
  Kind kind = Kind::invalid;
};

}  // namespace beyla::probes::go
