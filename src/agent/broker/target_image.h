// The files with code that a process runs, opened by the broker itself. Control thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "discover/inspect/process_inspector.h"
#include "model/process.h"
#include "probes/loader/file_identity.h"

namespace beyla::broker {

struct TargetImage {
  base::Fd file;  // the executable or a library, for reading
  base::Fd maps;  // /proc/PID/maps, unread; none: a library that is not mapped, but may be
  probes::loader::FileIdentity identity;
};

struct TargetFiles {
  TargetImage executable;
  // Those that may have TLS functions: mapped ones, the likeliest first, then those at the usual
  // places in its file system, which a program may load later. No file twice.
  std::vector<TargetImage> libraries;
  // A fork without an exec: of a Go process it is about to call exec, it cannot run its parent's
  // program.
  bool is_bare_fork = false;
  // It has mapped a library by which code leaves one stack for another in the middle of a call.
  bool switches_stacks = false;
};

enum class NoImage : std::uint8_t {
  gone,           // the process has ended
  not_permitted,  // CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH is missing, or its mount is another
                  // user's
  no_file,        // no regular file
};

// Libraries with TLS functions under another name: OpenSSL's have 1.2 MiB of code together.
inline constexpr std::uint64_t kLargeCodeBytes = 1024 * 1024;
inline constexpr std::size_t kMaxLibraries = 16;

// All are of the process with this start time. An exec in between gives the file before or after
// it, maybe with maps of the other; the proof finds that out, and the kernel half knows images
// apart. Libraries by /proc/PID/map_files: in whatever mount namespace, deleted or not; without
// CAP_CHECKPOINT_RESTORE there are none. Waits for the file system where a file stands, which a
// target that runs has read from.
[[nodiscard]] std::expected<TargetFiles, NoImage> open_files(
    const model::ProcessKey& process, const discover::inspect::ProcessInspector& inspector);

// Those at the usual places of the file system of a process.
[[nodiscard]] std::vector<TargetImage> open_usual_libraries(
    std::uint32_t pid, const discover::inspect::ProcessInspector& inspector);

// The executable alone.
[[nodiscard]] std::expected<TargetImage, NoImage> open_image(
    const model::ProcessKey& process, const discover::inspect::ProcessInspector& inspector);

}  // namespace beyla::broker
