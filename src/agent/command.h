// beyla: what the command line asks for, and how it ended.
#pragma once

#include "agent/roles.h"

namespace beyla::agent {

// Out: the exit code; what is wrong has been said on stderr. Call first thing in main().
[[nodiscard]] int run_command_line(int argc, char** argv, const RoleMains& mains);

}  // namespace beyla::agent
