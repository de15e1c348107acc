#include "agent/config/loader.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "agent/config/config_file.h"
#include "agent/config/known_variables.h"
#include "agent/config/quoted.h"
#include "agent/config/setting_table.h"
#include "agent/config/yaml_keys.h"
#include "base/terminal_text.h"

namespace beyla::agent::config {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

// With room for the text of an errno, in 8 KiB.
constexpr std::size_t kMaxErrorBytes = 8000;

// One place where a setting was given a value.
struct Given {
  std::string where;  // "FILE:LINE:COLUMN: ", or empty for a variable
  std::string_view spelling;
  std::string_view text;
};

std::vector<Given> given_in_file(const Setting& setting, std::string_view file,
                                 std::span<const ConfigEntry> entries) {
  std::vector<Given> given;
  for (const ConfigEntry& entry : entries) {
    const bool named =
        std::ranges::find(setting.yaml_paths, entry.path) != setting.yaml_paths.end();
    if (!named || entry.text.empty()) continue;
    given.push_back(
        {fmt::format("{}:{}:{}: ", file, entry.line, entry.column), entry.path, entry.text});
  }
  return given;
}

std::vector<Given> given_in_environment(const Setting& setting, Environment environment) {
  std::vector<Given> given;
  for (const std::string_view name : setting.env_names) {
    const auto text = find_variable(environment, name);
    if (text) given.push_back({"", name, *text});
  }
  return given;
}

Result<Settings> applied(const Setting& setting, const Given& given, Settings settings) {
  Result<void> outcome = setting.apply(settings, given.text);
  if (outcome) return settings;
  return std::unexpected(
      std::move(outcome).error().within(fmt::format("{}{}", given.where, given.spelling)));
}

// Applies one source's spellings of one setting. They may differ in text but not in meaning.
Result<void> apply_source(const Setting& setting, std::span<const Given> source,
                          Settings& settings) {
  std::optional<Settings> first;
  for (const Given& given : source) {
    Settings changed = TRY(applied(setting, given, settings));
    if (first && changed != *first) {
      return fail(
          ErrorCode::invalid_argument,
          fmt::format("{}{}={} contradicts {}={}: keep one of them", given.where, given.spelling,
                      quoted(given.text), source.front().spelling, quoted(source.front().text)));
    }
    if (!first) first = std::move(changed);
  }
  if (first) settings = *std::move(first);
  return {};
}

Result<void> validate(const Settings& settings) {
  if (!settings.open_port && settings.executable_name.empty()) {
    return fail(ErrorCode::invalid_argument,
                "no process selected: set OPEN_PORT (for example 8080 or 8000-8999) or "
                "EXECUTABLE_NAME");
  }
  if (settings.printer() == TracePrinterKind::disabled && !settings.prometheus_port) {
    return fail(ErrorCode::invalid_argument,
                "nothing to report to: set PRINT_TRACES=true or BEYLA_PROMETHEUS_PORT");
  }
  return {};
}

// An empty name: without a file.
Result<Settings> merge(std::string_view file, std::span<const ConfigEntry> entries,
                       Environment environment) {
  TRY_VOID(refuse_unbuilt(environment));
  TRY_VOID(check_yaml_keys(file, entries));
  Settings settings;
  for (const Setting& setting : setting_table()) {
    const auto in_file = given_in_file(setting, file, entries);
    TRY_VOID(apply_source(setting, in_file, settings));
    TRY_VOID(apply_source(setting, given_in_environment(setting, environment), settings));
  }
  TRY_VOID(validate(settings));
  return settings;
}

// File names and the messages of the YAML parser go into errors as they are.
Result<Settings> made_readable(Result<Settings> outcome) {
  if (!outcome) {
    std::string& context = outcome.error().context;
    context = base::to_terminal_text(context, kMaxErrorBytes);
  }
  return outcome;
}

using Entries = Result<std::vector<ConfigEntry>>;

Result<Settings> load_entries(std::string_view file, const Entries& entries,
                              Environment environment, std::vector<std::string>* warnings) {
  if (warnings != nullptr) {
    for (std::string& line : unknown_variable_warnings(environment)) {
      warnings->push_back(std::move(line));
    }
  }
  if (!entries) return made_readable(std::unexpected(entries.error()));
  return made_readable(merge(file, *entries, environment));
}

}  // namespace

Result<Settings> load(const std::optional<std::string>& file, Environment environment,
                      std::vector<std::string>* warnings) {
  return load_entries(file.value_or(""), file ? read_config_file(*file) : Entries{}, environment,
                      warnings);
}

Result<Settings> load(const OpenConfig& file, Environment environment,
                      std::vector<std::string>* warnings) {
  return load_entries(file.name, read_config_fd(file.name, file.fd), environment, warnings);
}

}  // namespace beyla::agent::config
