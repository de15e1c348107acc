// The name of a source file as its code refers to it, in __FILE__. In: an untrusted file.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "probes/elf/elf_file.h"

namespace beyla::probes::tls {

// Paths that builds have; what is before that is no part of one.
inline constexpr std::size_t kMaxSourcePathBytes = 256;

// Each address at which a text begins that is a path to a file of that name, from the whole path
// to the bare name: what stands before it may be the end of another text.
[[nodiscard]] std::vector<std::uint64_t> find_source_paths(const elf::ElfFile& elf,
                                                           std::string_view name);

}  // namespace beyla::probes::tls
