// Writes type descriptors as Go's compiler and linker do. For tests and fuzzing only.
#pragma once

#include "probes/go/image/synthetic/image_plan.h"
#include "probes/go/image/synthetic/image_writer.h"

namespace beyla::probes::go {

struct WrittenTypes {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t links = 0;
  std::uint64_t link_count = 0;
};

[[nodiscard]] WrittenTypes write_types(ImageWriter& writer, const ImagePlan& plan);

}  // namespace beyla::probes::go
