#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <vector>

#include "agent/doctor/checks.h"
#include "agent/doctor/selection.h"

namespace beyla::agent::doctor {
namespace {

Verdict judge_settings(const Facts& facts) {
  const auto& settings = facts.settings;
  if (!settings.settings) return {Status::missing, settings.problem, "see docs/configuration.md"};
  if (settings.warnings.empty()) return {Status::ok, "understood", {}};
  return {Status::limited, fmt::format("{}", fmt::join(settings.warnings, "; ")), {}};
}

std::string shown_ports(const config::PortSet& ports) {
  std::vector<std::string> pieces;
  for (const auto& range : ports.ranges()) {
    pieces.push_back(range.first == range.last ? fmt::format("{}", range.first)
                                               : fmt::format("{}-{}", range.first, range.last));
  }
  return fmt::format("{}", fmt::join(pieces, ","));
}

Verdict judge_selectors(const Facts& facts) {
  const auto& selectors = facts.settings.selectors;
  if (!selectors) {
    return {Status::missing, "none: no process would be selected",
            "set OPEN_PORT or EXECUTABLE_NAME; candidates are listed below"};
  }
  std::string shown;
  if (selectors->open_port) shown = "ports " + shown_ports(*selectors->open_port);
  if (!selectors->executable_name.empty()) {
    shown += fmt::format("{}executable path with `{}`", shown.empty() ? "" : " and ",
                         selectors->executable_name);
  }
  return {Status::ok, shown, {}};
}

Verdict judge_scrape_port(const Facts& facts) {
  const auto& port = facts.settings.scrape_port;
  if (!port) return {Status::ok, "not asked for", {}};
  if (port->is_free) return {Status::ok, "free", {}};
  std::vector<std::string> holders;
  for (const auto& process : port->holders) {
    holders.push_back(fmt::format("pid {} {}", process.key.pid, shown_executable(process)));
  }
  const std::string taken =
      holders.empty() ? std::string() : fmt::format(" (taken by {})", fmt::join(holders, ", "));
  return {Status::missing, port->problem + taken,
          "choose another BEYLA_PROMETHEUS_PORT, or end what holds it"};
}

constexpr std::array kChecks = {
    Check{"settings", judge_settings},
    Check{"selectors", judge_selectors},
    Check{"scrape port", judge_scrape_port},
};

}  // namespace

std::span<const Check> settings_checks() { return kChecks; }

}  // namespace beyla::agent::doctor
