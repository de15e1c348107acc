#include "agent/config/settings_split.h"

namespace beyla::agent::config {

Policy policy_of(const Settings& settings) {
  Policy policy;
  if (settings.open_port) {
    for (const PortRange range : settings.open_port->ranges()) {
      for (std::uint32_t port = range.first; port <= range.last; ++port) {
        policy.wanted_ports.set(port);
      }
    }
  }
  policy.executable_name = settings.executable_name;
  policy.service_name = settings.service_name;
  if (settings.skip_go_specific_tracers) policy.allowed_probes &= ~std::uint32_t{abi::kAllowGo};
  policy.enforce_sys_caps = settings.enforce_sys_caps;
  policy.log_level = settings.log_level;
  if (settings.prometheus_port) {
    policy.scrape = {*settings.prometheus_port, settings.prometheus_address};
  }
  return policy;
}

ProcessorSettings processor_settings_of(const Settings& settings) {
  ProcessorSettings result;
  result.trace_printer = settings.printer();
  result.serve_metrics = settings.prometheus_port.has_value();
  result.log_level = settings.log_level;
  result.prometheus_path = settings.prometheus_path;
  result.prometheus_ttl = settings.prometheus_ttl;
  result.metrics_cardinality_limit = settings.metrics_cardinality_limit;
  return result;
}

}  // namespace beyla::agent::config
