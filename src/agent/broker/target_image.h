// The executable of a process, opened by the broker itself. Control thread only.
#pragma once

#include <expected>

#include "base/fd.h"
#include "discover/inspect/process_inspector.h"
#include "model/process.h"
#include "probes/loader/file_identity.h"

namespace beyla::broker {

struct TargetImage {
  base::Fd exe;   // for reading
  base::Fd maps;  // /proc/PID/maps, unread
  probes::loader::FileIdentity file;
};

enum class NoImage : std::uint8_t {
  gone,           // the process has ended
  not_permitted,  // CAP_SYS_PTRACE or CAP_DAC_READ_SEARCH is missing, or its mount is another
                  // user's
  bare_fork,      // of a Go process it is about to call exec: it cannot run its parent's program
  no_file,        // no regular file
};

// Both are of the process with this start time. An exec in between gives the file before or after
// it, maybe with maps of the other; the proof finds that out, and the kernel half knows images
// apart. Waits for the file system where the file stands, which a target that runs has read from.
[[nodiscard]] std::expected<TargetImage, NoImage> open_image(
    const model::ProcessKey& process, const discover::inspect::ProcessInspector& inspector);

}  // namespace beyla::broker
