// `beyla` and `beyla record`: starts what the settings ask for and runs until a signal. And
// `beyla processor`: the unprivileged half by itself, started by a service manager.
#pragma once

#include "agent/config/command_line.h"
#include "agent/config/environment.h"
#include "agent/roles.h"
#include "base/result.h"

namespace beyla::agent {

// Out: the exit code. Call first thing: it forks. What is wrong with the settings or the machine is
// an error; the operator was told nothing yet. `environment`: for --single-process only, as the
// configuration worker reads its own.
[[nodiscard]] base::Result<int> run(const config::CommandLine& command,
                                    config::Environment environment, const RoleMains& mains);

// Serves the broker that connects to the socket which is handed over as descriptor 3
// (sd_listen_fds(3)).
[[nodiscard]] base::Result<int> run_lone_processor(config::Environment environment);

}  // namespace beyla::agent
