// The environment as data, so that nothing below main reads a global.
// In: environ (NAME=value strings, null-terminated). Out: owned pairs. Main thread, at start.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace beyla::agent::config {

using Environment = std::span<const std::pair<std::string, std::string>>;

// Entries without '=' or without a name are skipped. A null pointer is an empty environment.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> process_environment(
    char** environment);

// Overwrites the values and lets go of them: a process forked later would carry them on.
void forget(std::vector<std::pair<std::string, std::string>>& environment);

// The first value of that name, as getenv(3) does; an empty value counts as unset.
// The view lives as long as the environment.
[[nodiscard]] std::optional<std::string_view> find_variable(Environment environment,
                                                            std::string_view name);

}  // namespace beyla::agent::config
