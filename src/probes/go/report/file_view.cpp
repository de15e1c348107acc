#include "probes/go/report/file_view.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>

namespace beyla::probes::go {

base::Result<FileView> FileView::make(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return base::fail_errno(errno, "cannot look at the executable");
  if (!S_ISREG(status.st_mode)) return base::fail_errno(EINVAL, "the executable is no file");
  if (status.st_size == 0) return FileView({});
  const auto bytes = static_cast<std::size_t>(status.st_size);
  // Shared: in private mappings, of readers too, stand the breakpoints of uprobes that are in every
  // process (valid_vma(), kernel/events/uprobes.c).
  void* const begin = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (begin == MAP_FAILED) return base::fail_errno(errno, "cannot map the executable");
  return FileView({static_cast<std::byte*>(begin), bytes});
}

FileView::~FileView() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace beyla::probes::go
