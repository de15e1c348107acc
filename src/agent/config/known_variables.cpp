#include "agent/config/known_variables.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "agent/config/quoted.h"
#include "agent/config/setting_table.h"

namespace beyla::agent::config {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

constexpr std::array<std::string_view, 3> kOtlpVariables = {"OTEL_EXPORTER_OTLP_ENDPOINT",
                                                            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                                                            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"};
constexpr std::array<std::string_view, 3> kSystemWideVariables = {
    "SYSTEM_WIDE", "BEYLA_SYSTEM_WIDE", "OTEL_EBPF_SYSTEM_WIDE"};
constexpr std::array<std::string_view, 2> kConfigPathVariables = {"BEYLA_CONFIG_PATH",
                                                                  "OTEL_EBPF_CONFIG_PATH"};

// https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
bool is_service_link(std::string_view name) {
  return name == "BEYLA_SERVICE_HOST" || name == "BEYLA_SERVICE_PORT" ||
         name.starts_with("BEYLA_SERVICE_PORT_") || name == "BEYLA_PORT" ||
         name.starts_with("BEYLA_PORT_");
}

template <typename Names>
bool holds(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != std::ranges::end(names);
}

bool is_known(std::string_view name) {
  if (holds(kSystemWideVariables, name) || holds(kConfigPathVariables, name)) return true;
  if (is_service_link(name)) return true;
  return std::ranges::any_of(
      setting_table(), [name](const Setting& setting) { return holds(setting.env_names, name); });
}

}  // namespace

Result<void> refuse_unbuilt(Environment environment) {
  for (const std::string_view name : kOtlpVariables) {
    if (find_variable(environment, name)) {
      return fail(ErrorCode::unsupported,
                  fmt::format("OTLP export is not built yet: unset {}", name));
    }
  }
  for (const std::string_view name : kSystemWideVariables) {
    const auto text = find_variable(environment, name);
    if (!text) continue;
    Result<bool> asked = parse_boolean(*text);
    if (!asked) return std::unexpected(std::move(asked).error().within(name));
    if (*asked) {
      return fail(ErrorCode::unsupported,
                  fmt::format("system-wide tracing is not built yet: unset {}", name));
    }
  }
  return {};
}

std::vector<std::string> unknown_variable_warnings(Environment environment) {
  std::vector<std::string> warnings;
  for (const auto& [name, value] : environment) {
    const bool ours = name.starts_with("BEYLA_") || name.starts_with("OTEL_EBPF_");
    if (ours && !is_known(name)) warnings.push_back("ignoring unknown variable " + shortened(name));
  }
  return warnings;
}

}  // namespace beyla::agent::config
