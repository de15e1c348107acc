#include "base/start_pages.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>

namespace beyla::base {
namespace {

// The dynamic linker tells addresses as numbers.  NOLINTNEXTLINE(performance-no-int-to-ptr)
void* at(std::uintptr_t address) { return reinterpret_cast<void*>(address); }

// Relocations are in the writable segments, also those that become read-only afterwards; only an
// object that says so has some in its code.
bool has_relocated_code(const dl_phdr_info& object) {
  for (std::size_t i = 0; i < object.dlpi_phnum; ++i) {
    const auto& segment = object.dlpi_phdr[i];
    if (segment.p_type != PT_DYNAMIC) continue;
    const auto* entry = static_cast<const ElfW(Dyn)*>(at(object.dlpi_addr + segment.p_vaddr));
    for (; entry->d_tag != DT_NULL; ++entry) {
      if (entry->d_tag == DT_TEXTREL) return true;
      if (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0) return true;
    }
  }
  return false;
}

int forget_pages_of(dl_phdr_info* object, std::size_t, void*) {
  if (has_relocated_code(*object)) return 0;
  const auto page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (std::size_t i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    const std::uintptr_t first_page = begin / page_bytes * page_bytes;
    // Advice: whatever it says, the program is as right as before.
    static_cast<void>(
        ::madvise(at(first_page), begin + segment.p_memsz - first_page, MADV_DONTNEED));
  }
  return 0;
}

}  // namespace

void forget_pages_of_start() { ::dl_iterate_phdr(forget_pages_of, nullptr); }

}  // namespace beyla::base
