// A child from its fork to its end. Never returns into the spawner's code.
#pragma once

#include <sys/types.h>

#include <vector>

#include "agent/spawn/roles.h"
#include "base/fd.h"

namespace beyla::agent::spawn {

// Called in the child right after fork. Flushes stdio at the end and runs no exit handlers, which
// are the broker's. What fails before main goes to stderr as one line; then the exit code is
// kExitUnprepared. An exception out of main ends the child by SIGABRT.
[[noreturn]] void run_child(const RoleEntry& role, pid_t spawner, base::Fd channel,
                            std::vector<base::Fd> files) noexcept;

}  // namespace beyla::agent::spawn
