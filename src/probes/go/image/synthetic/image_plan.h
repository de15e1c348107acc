// What a synthetic Go executable is to contain. For tests and fuzzing only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "probes/go/image/kind.h"

namespace beyla::probes::go {

struct PlannedFunction {
  std::string name;
  std::uint32_t bytes = 16;
};

struct PlannedField {
  std::string name;
  Kind kind = Kind::int_;
  std::uint64_t offset = 0;
  std::size_t structure = 0;  // of Kind::pointer and Kind::structure: index of the plan's
};

struct PlannedStruct {
  std::string package;  // its path
  std::string name;     // as the program prints it: `http.Request`
  std::uint64_t bytes = 64;
  std::vector<PlannedField> fields;
};

struct ImagePlan {
  // Which layout: 17, 18, 19, 20 or 26 for Go 1.17 ... 1.26.
  unsigned minor = 26;
  std::string version = "go1.26.8";
  bool position_independent = false;
  bool with_sections = true;
  std::uint64_t text_sections = 1;
  // Not at the beginning of the code: as where a C linker puts its own before.
  std::uint32_t foreign_code_bytes = 32;
  std::vector<PlannedFunction> functions;
  std::vector<PlannedStruct> structs;
};

// A small plan with functions twice, in a vendor folder, structs in each other, and cyclic ones.
[[nodiscard]] ImagePlan plan_of_everything(unsigned minor);
// The file. Less than 8 KiB for plan_of_everything().
[[nodiscard]] std::vector<std::byte> build_image(const ImagePlan& plan);

}  // namespace beyla::probes::go
