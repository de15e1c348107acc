// Writes a table of functions (pclntab) as Go's linker does. For tests and fuzzing only.
#pragma once

#include "probes/go/image/synthetic/image_plan.h"
#include "probes/go/image/synthetic/image_writer.h"

namespace beyla::probes::go {

struct WrittenFunctions {
  std::uint64_t table = 0;
  std::uint64_t names = 0;
  std::uint64_t names_bytes = 0;
  std::uint64_t functions = 0;
  std::uint64_t functions_bytes = 0;
};

// `text`: where the code of the first function is; the others follow.
[[nodiscard]] WrittenFunctions write_functions(ImageWriter& writer, const ImagePlan& plan,
                                               std::uint64_t text);

}  // namespace beyla::probes::go
