// Owns one shared, writable mapping of a file; unmaps it on destruction. Move only. Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"

namespace beyla::base {

class MemoryMap {
 public:
  // The first `bytes` of the file; the fd is borrowed during the call.
  // REQUIRES: the file is that large and stays so: a page behind its end is a SIGBUS.
  [[nodiscard]] static Result<MemoryMap> make_shared(int fd, std::size_t bytes);
  MemoryMap(MemoryMap&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MemoryMap& operator=(MemoryMap&&) = delete;
  ~MemoryMap();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit MemoryMap(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace beyla::base
