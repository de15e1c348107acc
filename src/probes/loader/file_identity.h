// Which file, and in which state: what was found out about it holds for as long as all of this is
// the same. A running program's file cannot be written (ETXTBSY). Plain data.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>

namespace beyla::probes::loader {

struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t bytes = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};

[[nodiscard]] inline FileIdentity identity_of(const struct stat& status) {
  constexpr std::int64_t kNsPerSecond = 1'000'000'000;
  const auto ns = [](const timespec& time) { return time.tv_sec * kNsPerSecond + time.tv_nsec; };
  return {status.st_dev, status.st_ino, status.st_size, ns(status.st_mtim), ns(status.st_ctim)};
}

struct FileIdentityHash {
  std::size_t operator()(const FileIdentity& file) const noexcept {
    return std::hash<std::uint64_t>{}(file.inode ^ (file.device << 40U) ^
                                      static_cast<std::uint64_t>(file.changed_ns));
  }
};

}  // namespace beyla::probes::loader
