#include "agent/config/environment.h"

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/wipe.h"

namespace beyla::agent::config {

std::vector<std::pair<std::string, std::string>> process_environment(char** environment) {
  std::vector<std::pair<std::string, std::string>> variables;
  if (environment == nullptr) return variables;
  std::size_t count = 0;
  while (environment[count] != nullptr) ++count;
  variables.reserve(count);  // what it grew out of would keep short values
  for (char** entry = environment; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

void forget(std::vector<std::pair<std::string, std::string>>& environment) {
  for (auto& [name, value] : environment) base::wipe(std::as_writable_bytes(std::span(value)));
  environment.clear();
}

std::optional<std::string_view> find_variable(Environment environment, std::string_view name) {
  const auto found = std::ranges::find(
      environment, name, [](const auto& variable) { return std::string_view(variable.first); });
  if (found == environment.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

}  // namespace beyla::agent::config
