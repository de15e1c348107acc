// Merges what the operator said: defaults, then the YAML file, then the environment.
// In: a file (or none) and the environment, both of which may be hostile. Out: valid Settings. One
// thread, at start. Errors name the variable, or FILE:LINE:COLUMN: invalid_argument for wrong
// input, unsupported for what this version cannot do yet. Each is one line of at most 8 KiB, fit
// for a terminal; so is each warning.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config/environment.h"
#include "agent/config/settings.h"
#include "base/result.h"

namespace beyla::agent::config {

// A file that somebody opened, read from where it stands.
struct OpenConfig {
  std::string name;  // for messages
  int fd = -1;       // borrowed
};

// Appends one line to *warnings (unless null) for each BEYLA_ or OTEL_EBPF_ variable without a
// meaning.
[[nodiscard]] base::Result<Settings> load(const std::optional<std::string>& file,
                                          Environment environment,
                                          std::vector<std::string>* warnings);
[[nodiscard]] base::Result<Settings> load(const OpenConfig& file, Environment environment,
                                          std::vector<std::string>* warnings);

}  // namespace beyla::agent::config
