// The one table of settings: every spelling, default, type, meaning, and how its text is applied.
// Loader, unknown-key hints and docs/configuration.md all come from it. Constant; any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "agent/config/settings.h"
#include "base/result.h"

namespace beyla::agent::config {

enum class SettingType {
  ports,
  port,
  text,
  boolean,
  level,
  printer,
  path,
  address,
  duration,
  count
};

struct Setting {
  std::vector<std::string_view> yaml_paths;  // dotted; the first is the current one
  std::vector<std::string_view> env_names;
  std::string_view default_text;  // empty: unset
  SettingType type = SettingType::text;
  std::string_view help;
  // Errors are invalid_argument and quote the text, not the spelling: the caller knows that.
  // REQUIRES: the text is not empty.
  base::Result<void> (*apply)(Settings& settings, std::string_view text) = nullptr;
};

[[nodiscard]] std::span<const Setting> setting_table();

// true, false, 1, 0, t, f in any case.
[[nodiscard]] base::Result<bool> parse_boolean(std::string_view text);

}  // namespace beyla::agent::config
