// Asks an image for all that is wanted, and checks what must hold of any answer.
#pragma once

#include <fmt/format.h>

#include <cstdlib>

#include "probes/go/image/synthetic/wanted.h"

inline void require(bool holds, const char* what) {
  if (holds) return;
  fmt::print(stderr, "an answer that cannot be: {}\n", what);
  std::abort();
}

inline void ask_for_everything(const beyla::probes::go::GoImage& image) {
  for (const auto& function : image.find_functions(kWantedFunctions)) {
    if (!function) continue;
    require(function->bytes > 0, "a function without code");
    require(image.code(*function).size() == function->bytes, "code outside of the file");
    require(image.elf().file_offset(function->address, function->bytes) == function->file_offset,
            "two places for one function");
  }
  const auto fields = image.find_fields(kWantedFields);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (!fields[i]) continue;
    const std::string_view names[] = {kWantedFields[i].type};
    const auto type = image.find_types(names)[0];
    require(type.has_value(), "a field without its type");
    require(kWantedFields[i].path.contains('.') ||
                std::uint64_t{fields[i]->offset} + fields[i]->bytes <= type->bytes,
            "a field outside of its struct");
  }
}
