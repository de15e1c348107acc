// `beyla doctor`: what this kernel, these privileges and these settings allow, as a table on
// standard output; then which running processes would be selected, and why.
// Main thread, and no other thread may run: the trial forks.
#pragma once

#include <optional>
#include <string>

#include "agent/config/environment.h"

namespace beyla::agent::doctor {

// Returns the exit code: 0 when the agent would run, 2 when something it needs is missing.
[[nodiscard]] int run(const std::optional<std::string>& config_file,
                      config::Environment environment);

}  // namespace beyla::agent::doctor
