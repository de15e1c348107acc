// Why a file cannot be read as an ELF file. Any thread.
#pragma once

#include <cstdint>

namespace beyla::probes::elf {

enum class Refusal : std::uint8_t {
  not_elf,
  unsupported_class,    // 32-bit or big-endian
  unsupported_machine,  // neither x86-64 nor AArch64
  too_large,            // the file, or a table in it, is beyond a limit named here
  malformed_elf,        // headers, segments or relocations point outside of the file
};

}  // namespace beyla::probes::elf
