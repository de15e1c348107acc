// What a freshly forked process does to itself, before it runs anything else. One thread each.
#pragma once

#include <sys/types.h>

#include <span>

#include "agent/spawn/roles.h"
#include "base/result.h"

namespace beyla::agent::spawn {

// Opens /dev/null for each of 0, 1, 2 that is closed, so that no socket takes its number.
[[nodiscard]] base::Result<void> fill_stdio();
[[nodiscard]] base::Result<void> empty_stdin();

// SIGKILL when the parent dies; ESRCH if it has died already. The kernel clears it when
// credentials change, and does not deliver it from a parent that may not signal this process.
[[nodiscard]] base::Result<void> die_with(pid_t parent);

// No signal blocked, and the default action for each, but for SIGINT, SIGTERM and SIGHUP where they
// are to be ignored: they reach the whole process group of a terminal, and the broker alone
// decides.
enum class StopSignals { end_it, ignored };
void reset_signals(StopSignals stop);

// Closes every descriptor above 2 but these. Kernel 5.9 for close_range.
// REQUIRES: fds.size() <= base::kMaxMessageFds + 1.
[[nodiscard]] base::Result<void> close_fds_but(std::span<const int> fds);

[[nodiscard]] base::Result<void> apply_limits(const ChildLimits& limits);

}  // namespace beyla::agent::spawn
