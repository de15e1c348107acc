// What this room reads executables with, by the names it uses for it.
#pragma once

#include "probes/elf/elf_file.h"
#include "probes/go/image/image_refusal.h"

namespace beyla::probes::go {

using elf::ElfFile;
using elf::Machine;
using elf::Segment;

[[nodiscard]] constexpr ImageRefusal refusal_of(elf::Refusal refusal) {
  switch (refusal) {
    case elf::Refusal::not_elf: return ImageRefusal::not_elf;
    case elf::Refusal::unsupported_class: return ImageRefusal::unsupported_class;
    case elf::Refusal::unsupported_machine: return ImageRefusal::unsupported_machine;
    case elf::Refusal::too_large: return ImageRefusal::too_large;
    case elf::Refusal::malformed_elf: break;
  }
  return ImageRefusal::malformed_elf;
}

}  // namespace beyla::probes::go
