// The configuration, by whichever process parses it. Main thread, before it starts another.
#pragma once

#include "agent/config/command_line.h"
#include "agent/config/environment.h"
#include "agent/config/handover/config_messages.h"
#include "agent/spawn/spawner.h"
#include "base/result.h"

namespace beyla::agent {

// By a worker of the spawner; the file is opened and read with the caller's rights. A file, or a
// worker, that does not answer within seconds is an error.
[[nodiscard]] base::Result<config::LoadedConfig> load_in_worker(spawn::Spawner& spawner,
                                                                const config::CommandLine& command);

// In this process; for --single-process.
[[nodiscard]] base::Result<config::LoadedConfig> load_here(const config::CommandLine& command,
                                                           config::Environment environment);

}  // namespace beyla::agent
