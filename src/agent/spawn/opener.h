// Opens a path that may never answer: a FIFO, a FUSE or network file system.
#pragma once

#include <chrono>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent::spawn {

// A forked child opens the path, with this process's rights, directory and what an exec would leave
// of its descriptors (/dev/stdin, /dev/fd/63), and hands the descriptor back, close-on-exec. After
// the deadline the child is killed; one that the kernel cannot end (a FUSE server took its request)
// is left to init, holding nothing of this process. Errors: the open's errno, or "PATH did not
// answer within 5 s" without one. Only the open is guarded: read the descriptor in a child with a
// wall limit. flags as of open(2), without O_CREAT.
[[nodiscard]] base::Result<base::Fd> open_with_deadline(const std::string& path, int flags,
                                                        std::chrono::milliseconds deadline);

}  // namespace beyla::agent::spawn
