// Where each field of abi/go_calls.h is found: names in Go's sources and in those of the libraries.
#pragma once

#include <span>
#include <string_view>

#include "abi/go_calls.h"
#include "probes/go/image/kind.h"

namespace beyla::probes::go {

struct FieldPlace {
  abi::go_field field{};
  std::string_view type;
  std::string_view path;
  Kind kind{};  // of another kind it is not the field that the kernel half reads
};

// Several places of one field, over the versions: the first that a binary has is taken.
[[nodiscard]] std::span<const FieldPlace> wanted_fields();

}  // namespace beyla::probes::go
