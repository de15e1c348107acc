// Checks configuration entries against the setting table. Pure; any thread.
// Errors: invalid_argument, FILE:LINE:COLUMN, with the nearest known key for a misspelt one.
#pragma once

#include <span>
#include <string_view>

#include "agent/config/config_file.h"
#include "base/result.h"

namespace beyla::agent::config {

// Every path is a setting's (or a section's, if empty), and its value has a fitting shape.
[[nodiscard]] base::Result<void> check_yaml_keys(std::string_view file,
                                                 std::span<const ConfigEntry> entries);

}  // namespace beyla::agent::config
