// Settings: what the agent was asked to do, after defaults, file and environment are merged.
// Plain data: any thread; built once by loader.h and not changed afterwards.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/config/handover/log_level.h"
#include "agent/config/handover/trace_printer_kind.h"
#include "agent/config/port_set.h"

namespace beyla::agent::config {

struct Settings {
  std::optional<PortSet> open_port;
  std::string executable_name;  // empty: not selected by name
  bool print_traces = false;
  std::optional<TracePrinterKind> trace_printer;  // set: print_traces says nothing
  std::string service_name;                       // empty: taken from the process
  LogLevel log_level = LogLevel::info;
  bool skip_go_specific_tracers = false;
  bool enforce_sys_caps = false;  // a missing capability ends the start, not only a feature
  std::optional<std::uint16_t> prometheus_port;  // unset: no scrape endpoint
  std::string prometheus_path = "/metrics";
  std::string prometheus_address;  // IPv4 or IPv6 literal; empty: all addresses

  std::chrono::nanoseconds prometheus_ttl = std::chrono::minutes(5);
  std::size_t metrics_cardinality_limit = 2000;  // series of each metric, at least 1

  // What the two ask for together.
  [[nodiscard]] TracePrinterKind printer() const {
    return trace_printer.value_or(print_traces ? TracePrinterKind::text
                                               : TracePrinterKind::disabled);
  }
  bool operator==(const Settings&) const = default;
};

}  // namespace beyla::agent::config
