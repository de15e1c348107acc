// What the agent's processes are allowed, and what each begins with. docs: SECURITY.md.
#pragma once

#include <span>
#include <vector>

#include "agent/spawn/spawner.h"
#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent {

// What the spawner's children run once they are confined. A test build puts others in their place.
struct RoleMains {
  spawn::ChildMain config_worker;
  spawn::ChildMain processor;
  spawn::ChildMain elf_worker;
};
[[nodiscard]] RoleMains role_mains();

// The spawner, secured, with all that it can start.
[[nodiscard]] base::Result<spawn::Spawner> start_spawner(const RoleMains& mains);

// Of the broker. The first: before anything is loaded, and while there is one thread. The second:
// when all is loaded and attached.
[[nodiscard]] base::Result<void> give_up_other_powers();
[[nodiscard]] base::Result<void> forbid_what_only_the_start_needed();

// A processor that was not forked by the spawner does both itself. Closes all but stdio and its
// channel.
[[nodiscard]] base::Result<void> secure_lone_processor(int channel);

// The processor's main function, in whatever process or thread.
int run_processor_role(base::Fd channel, std::vector<base::Fd> files);

}  // namespace beyla::agent
