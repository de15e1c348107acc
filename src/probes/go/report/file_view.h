// A file's bytes, mapped for reading. A file that is cut while it is read ends the process with
// SIGBUS, which is why a worker does it.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"

namespace beyla::probes::go {

class FileView {
 public:
  // The fd is borrowed during the call. Errors: no regular file, or an errno of mmap(2).
  [[nodiscard]] static base::Result<FileView> make(int fd);
  FileView(FileView&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  FileView& operator=(FileView&&) = delete;
  ~FileView();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit FileView(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace beyla::probes::go
