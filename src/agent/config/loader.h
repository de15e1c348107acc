// Merges what the operator said: defaults, then the YAML file, then the environment.
// In: the path of a file (or none) and the environment. Out: valid Settings. Main thread, at start.
// Errors name the variable, or FILE:LINE:COLUMN: invalid_argument for wrong input, unsupported for
// what this version cannot do yet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/environment.h"
#include "agent/config/settings.h"
#include "base/result.h"

namespace beyla::agent::config {

// Appends one line to *warnings (unless null) for each BEYLA_ or OTEL_EBPF_ variable without a
// meaning.
[[nodiscard]] base::Result<Settings> load(const std::optional<std::string>& file,
                                          Environment environment,
                                          std::vector<std::string>* warnings);

}  // namespace beyla::agent::config
