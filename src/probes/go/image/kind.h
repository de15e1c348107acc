// What a Go type is. Any thread.
#pragma once

#include <cstdint>

namespace beyla::probes::go {

// In the numbering of Go's src/internal/abi/type.go; the same since Go 1.
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
  channel,
  function,
  interface,
  map,
  pointer,
  slice,
  string,
  structure,
  unsafe_pointer,
};
inline constexpr std::uint8_t kKinds = static_cast<std::uint8_t>(Kind::unsafe_pointer) + 1;

}  // namespace beyla::probes::go
