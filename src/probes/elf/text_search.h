// Where the data of an ELF file has a text of C: some bytes and a zero. In: an untrusted file. Pure
// functions over it; any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "probes/elf/elf_file.h"

namespace beyla::probes::elf {

// More of one text are not looked for.
inline constexpr std::size_t kMaxTextPlaces = 64;

// Addresses of `text` with a zero behind it, in loaded segments. Whatever is before it: linkers let
// one text be the end of another.
[[nodiscard]] std::vector<std::uint64_t> find_text(const ElfFile& elf, std::string_view text);

}  // namespace beyla::probes::elf
