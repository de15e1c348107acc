#include "base/memory_map.h"

#include <sys/mman.h>

#include <cerrno>

namespace beyla::base {

Result<MemoryMap> MemoryMap::make_shared(int fd, std::size_t bytes) {
  void* const start =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
  if (start == MAP_FAILED) return fail_errno(errno, "cannot map a file");
  return MemoryMap(std::span(static_cast<std::byte*>(start), bytes));
}

MemoryMap::~MemoryMap() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace beyla::base
