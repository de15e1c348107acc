#include "agent/config/environment.h"

#include <algorithm>

namespace beyla::agent::config {

std::vector<std::pair<std::string, std::string>> process_environment(char** environment) {
  std::vector<std::pair<std::string, std::string>> variables;
  if (environment == nullptr) return variables;
  for (char** entry = environment; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

std::optional<std::string_view> find_variable(Environment environment, std::string_view name) {
  const auto found = std::ranges::find(
      environment, name, [](const auto& variable) { return std::string_view(variable.first); });
  if (found == environment.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

}  // namespace beyla::agent::config
