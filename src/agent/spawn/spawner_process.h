// The spawner itself: a single-threaded process that sleeps until the broker asks, a child ends, or
// the broker is gone, which ends it and, by their parent-death signal, its children.
#pragma once

#include <sys/types.h>

#include <vector>

#include "agent/spawn/roles.h"
#include "base/fd.h"

namespace beyla::agent::spawn {

struct SpawnerEnds {
  base::Fd control;  // SOCK_SEQPACKET: hello and answers out, requests in
  base::Fd exits;    // SOCK_SEQPACKET: exit reports out
};

// Called in the spawner right after fork. Closes every other descriptor above stderr.
[[noreturn]] void run_spawner(SpawnerEnds ends, std::vector<RoleEntry> roles,
                              const SpawnHooks& hooks, pid_t broker) noexcept;

}  // namespace beyla::agent::spawn
