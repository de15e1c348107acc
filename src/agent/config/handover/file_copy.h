// Reads the configuration file for the broker, which must not wait for a file system: one that
// never answers (FUSE, NFS), or a FIFO, would hold it in open(), read() or close(), where not even
// SIGKILL ends it. A child of its own opens and reads, and parses nothing. Call before threads
// exist.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent::config {

inline constexpr std::size_t kMaxConfigBytes = 256 * 1024;

// Out: a sealed memfd with the bytes, to be read from its start; of a file that is too long one
// byte more than kMaxConfigBytes. Errors: invalid_argument, which names the path and the cause;
// system: no memfd, pipe or child to be had. Returns a second after the deadline at most: a child
// that cannot be ended by then is left behind, without our standard output and error.
[[nodiscard]] base::Result<base::Fd> copy_config_file(
    const std::string& path, std::chrono::steady_clock::time_point deadline);

// "cannot read config file PATH", invalid_argument, with the cause.
[[nodiscard]] base::Error unreadable_config(const std::string& path, int os_errno);

}  // namespace beyla::agent::config
