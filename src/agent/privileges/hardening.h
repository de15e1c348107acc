// What every process of the agent does to itself first: no core, no exec with privileges, no life
// without the parent, no file descriptor it was not given, limits on what it may use.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "base/result.h"

namespace beyla::agent::privileges {

// no_new_privs; not dumpable (no core, /proc/PID belongs to root, no ptrace by the same user); no
// core file. Read back. After become_nobody(), which would undo the second.
[[nodiscard]] base::Result<void> harden_process();

// SIGKILL when the thread of `expected_parent` that forked us ends. After become_nobody(), which
// would undo it. An error when the parent is gone already: the caller ends then.
[[nodiscard]] base::Result<void> die_with_parent(pid_t expected_parent);

// Closes all but those of `kept` (any order; numbers that are not open are no error). By
// close_range(2), Linux 5.9; without it one by one as /proc/self/fd lists them.
[[nodiscard]] base::Result<void> close_all_fds_but(std::span<const int> kept);

// Overwrites the environment that the process was started with, as /proc/PID/environ shows it, and
// that getenv() finds: a shell's may hold any secret (sudo -E). TZ stays, as the C library reads it
// again and again. One thread.
void forget_environment();

enum class Resource {
  cpu_seconds,          // SIGKILL at the limit
  address_space_bytes,  // useless under ASan and TSan, which reserve terabytes
  processes,            // threads and processes of the uid; 0: no more of them by us
  open_files,           // one more than the highest number
  file_size_bytes,
};
// Lowers the soft and the hard limit to `most`, or to the hard limit where that is lower. Read
// back.
[[nodiscard]] base::Result<void> limit(Resource resource, std::uint64_t most);

}  // namespace beyla::agent::privileges
