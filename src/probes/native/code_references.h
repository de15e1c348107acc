// Which places in a file's code name certain addresses: by how far away they are, as calls, jumps
// and LEA do, or, where the file is not position-independent, as a number. In: an untrusted file.
// Pure function; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "probes/elf/elf_file.h"

namespace beyla::probes::native {

// More are not looked for: ERR_put_error of OpenSSL is called from some 10,000 places.
inline constexpr std::size_t kMaxCodeReferences = std::size_t{1} << 16;

struct CodeReference {
  std::uint64_t field = 0;  // address of the four bytes
  std::uint64_t target = 0;
};

// One pass over all code, about a nanosecond a byte, by address. Any four bytes may look like that:
// whoever asks decodes the function around them.
[[nodiscard]] std::vector<CodeReference> find_code_references(
    const elf::ElfFile& elf, std::span<const std::uint64_t> targets);

}  // namespace beyla::probes::native
