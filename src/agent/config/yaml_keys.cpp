#include "agent/config/yaml_keys.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "agent/config/config_events.h"
#include "agent/config/edit_distance.h"
#include "agent/config/quoted.h"
#include "agent/config/setting_table.h"

namespace beyla::agent::config {

using base::Result;

namespace {

constexpr std::size_t kMaxEdits = 3;  // farther than that, a hint is a guess

const Setting* find_setting(std::string_view path) {
  for (const Setting& setting : setting_table()) {
    if (std::ranges::find(setting.yaml_paths, path) != setting.yaml_paths.end()) return &setting;
  }
  return nullptr;
}

bool is_section(std::string_view path) {
  const std::string prefix = std::string(path) + ".";
  return std::ranges::any_of(setting_table(), [&prefix](const Setting& setting) {
    return std::ranges::any_of(setting.yaml_paths, [&prefix](std::string_view known) {
      return known.starts_with(prefix);
    });
  });
}

// Empty where nothing is near.
std::string_view nearest_key(std::string_view path) {
  std::string_view nearest;
  std::size_t fewest = kMaxEdits + 1;
  for (const Setting& setting : setting_table()) {
    for (const std::string_view known : setting.yaml_paths) {
      if (path.size() > known.size() + kMaxEdits) continue;
      const std::size_t edits = edit_distance(path, known);
      if (edits >= fewest) continue;
      fewest = edits;
      nearest = known;
    }
  }
  return nearest;
}

std::string unknown_key(std::string_view path) {
  const std::string_view nearest = nearest_key(path);
  if (nearest.empty()) return fmt::format("unknown key {}", quoted(path));
  return fmt::format("unknown key {}: did you mean `{}`?", quoted(path), nearest);
}

// Why the entry is refused; empty where it is fine.
std::string objection(const ConfigEntry& entry) {
  const Setting* const setting = find_setting(entry.path);
  if (setting == nullptr && is_section(entry.path)) {
    const bool nothing = entry.value == ConfigValue::null || entry.value == ConfigValue::map;
    return nothing ? "" : fmt::format("`{}` is a section: expected keys below it", entry.path);
  }
  if (setting == nullptr) return unknown_key(entry.path);
  if (entry.value == ConfigValue::map) {
    return fmt::format("`{}` takes a value, not a section", entry.path);
  }
  if (entry.value == ConfigValue::list && setting->type != SettingType::ports) {
    return fmt::format("`{}` takes one value, not a list", entry.path);
  }
  return "";
}

}  // namespace

Result<void> check_yaml_keys(std::string_view file, std::span<const ConfigEntry> entries) {
  for (const ConfigEntry& entry : entries) {
    const std::string why = objection(entry);
    if (!why.empty()) {
      return std::unexpected(config_error(file, entry.line, entry.column, why));
    }
  }
  return {};
}

}  // namespace beyla::agent::config
