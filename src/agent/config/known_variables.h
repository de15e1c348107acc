// Which environment variables mean something to the agent. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/config/environment.h"
#include "base/result.h"

namespace beyla::agent::config {

// unsupported where a variable asks for what this version cannot do yet; invalid_argument where it
// cannot be read as true or false.
[[nodiscard]] base::Result<void> refuse_unbuilt(Environment environment);

// One line for each BEYLA_ or OTEL_EBPF_ variable that nothing reads, except those that Kubernetes
// sets for a service called "beyla".
[[nodiscard]] std::vector<std::string> unknown_variable_warnings(Environment environment);

}  // namespace beyla::agent::config
