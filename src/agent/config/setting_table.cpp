#include "agent/config/setting_table.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "agent/config/duration_text.h"
#include "agent/config/handover/setting_limits.h"
#include "agent/config/quoted.h"

namespace beyla::agent::config {

using base::ErrorCode;
using base::fail;
using base::Result;

namespace {

// For texts that go into a field of abi/config.h.
Result<void> check_size(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is longer than {} bytes", quoted(text), max_bytes));
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

Result<void> apply_open_port(Settings& settings, std::string_view text) {
  settings.open_port = TRY(PortSet::parse(text));
  return {};
}

Result<void> apply_executable_name(Settings& settings, std::string_view text) {
  TRY_VOID(check_size(text, kMaxExecutableBytes));
  settings.executable_name = text;
  return {};
}

Result<void> apply_print_traces(Settings& settings, std::string_view text) {
  settings.print_traces = TRY(parse_boolean(text));
  return {};
}

Result<void> apply_trace_printer(Settings& settings, std::string_view text) {
  const std::string kind = lower_case(text);
  if (kind == "disabled") {
    settings.trace_printer = TracePrinterKind::disabled;
  } else if (kind == "text") {
    settings.trace_printer = TracePrinterKind::text;
  } else if (kind == "json") {
    settings.trace_printer = TracePrinterKind::json;
  } else {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a trace printer (disabled, text, json)", quoted(text)));
  }
  return {};
}

Result<void> apply_service_name(Settings& settings, std::string_view text) {
  TRY_VOID(check_size(text, kMaxServiceNameBytes));
  if (has_control_character(text)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} holds a control character or a line break", quoted(text)));
  }
  settings.service_name = text;
  return {};
}

Result<void> apply_log_level(Settings& settings, std::string_view text) {
  const std::string level = lower_case(text);
  if (level == "debug") {
    settings.log_level = LogLevel::debug;
  } else if (level == "info") {
    settings.log_level = LogLevel::info;
  } else if (level == "warn") {
    settings.log_level = LogLevel::warn;
  } else if (level == "error") {
    settings.log_level = LogLevel::error;
  } else {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a log level (DEBUG, INFO, WARN, ERROR)", quoted(text)));
  }
  return {};
}

Result<void> apply_skip_go_specific_tracers(Settings& settings, std::string_view text) {
  settings.skip_go_specific_tracers = TRY(parse_boolean(text));
  return {};
}

Result<void> apply_enforce_sys_caps(Settings& settings, std::string_view text) {
  settings.enforce_sys_caps = TRY(parse_boolean(text));
  return {};
}

Result<void> apply_prometheus_port(Settings& settings, std::string_view text) {
  settings.prometheus_port = TRY(parse_port(text));
  return {};
}

Result<void> apply_prometheus_path(Settings& settings, std::string_view text) {
  TRY_VOID(check_size(text, kMaxUrlPathBytes));
  if (!is_url_path(text)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a URL path: it must start with '/' and hold no space, "
                            "control character, '?' or '#'",
                            quoted(text)));
  }
  settings.prometheus_path = text;
  return {};
}

Result<void> apply_prometheus_address(Settings& settings, std::string_view text) {
  if (!is_ip_address(text)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not an IPv4 or IPv6 address", quoted(text)));
  }
  settings.prometheus_address = text;
  return {};
}

Result<void> apply_prometheus_ttl(Settings& settings, std::string_view text) {
  const auto ttl = TRY(parse_duration(text));
  if (ttl < kMinTtl || ttl > kMaxTtl) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is out of range (1ms to 8760h)", quoted(text)));
  }
  settings.prometheus_ttl = ttl;
  return {};
}

Result<void> apply_cardinality_limit(Settings& settings, std::string_view text) {
  std::size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || limit == 0 || limit > kMaxCardinality) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not a number of series (1-{})", quoted(text), kMaxCardinality));
  }
  settings.metrics_cardinality_limit = limit;
  return {};
}

std::vector<Setting> process_settings() {
  return {
      {{"open_port", "ebpf.open_port"},
       {"OPEN_PORT", "BEYLA_OPEN_PORT", "OTEL_EBPF_OPEN_PORT"},
       "",
       SettingType::ports,
       "Selects the processes that listen on one of these ports: ports and ranges, for example "
       "`80,443,8000-8999`. In YAML also a list.",
       apply_open_port},
      {{"executable_name", "ebpf.executable_name"},
       {"EXECUTABLE_NAME", "BEYLA_EXECUTABLE_NAME", "OTEL_EBPF_EXECUTABLE_NAME"},
       "",
       SettingType::text,
       "Selects the processes by the name of their executable.",
       apply_executable_name},
      {{"service_name"},
       {"OTEL_SERVICE_NAME", "BEYLA_SERVICE_NAME", "OTEL_EBPF_SERVICE_NAME"},
       "",
       SettingType::text,
       "Name reported as the service, in place of one taken from the process.",
       apply_service_name},
      {{"log_level"},
       {"LOG_LEVEL", "BEYLA_LOG_LEVEL", "OTEL_EBPF_LOG_LEVEL"},
       "INFO",
       SettingType::level,
       "How much the agent says about itself: `DEBUG`, `INFO`, `WARN` or `ERROR`.",
       apply_log_level},
      {{"discovery.skip_go_specific_tracers"},
       {"BEYLA_SKIP_GO_SPECIFIC_TRACERS", "OTEL_EBPF_SKIP_GO_SPECIFIC_TRACERS"},
       "false",
       SettingType::boolean,
       "Puts no probes into Go programs: they are seen by their sockets only, like any other, "
       "without "
       "TLS, HTTP/2, gRPC, and routes of their own.",
       apply_skip_go_specific_tracers},
      {{"enforce_sys_caps"},
       {"BEYLA_ENFORCE_SYS_CAPS", "OTEL_EBPF_ENFORCE_SYS_CAPS"},
       "false",
       SettingType::boolean,
       "Refuses to start when a capability is missing. Else beyla starts, does what is left and "
       "says "
       "so once; `beyla doctor` lists what each one is for.",
       apply_enforce_sys_caps},
  };
}

std::vector<Setting> exporter_settings() {
  return {
      {{"print_traces"},
       {"PRINT_TRACES", "BEYLA_PRINT_TRACES", "OTEL_EBPF_PRINT_TRACES"},
       "false",
       SettingType::boolean,
       "Prints each request on standard output, as `trace_printer: text` does. Ignored where "
       "`trace_printer` is set, in whatever place.",
       apply_print_traces},
      {{"trace_printer"},
       {"BEYLA_TRACE_PRINTER", "OTEL_EBPF_TRACE_PRINTER"},
       "",
       SettingType::printer,
       "How requests are printed on standard output: `text`, a line for each; `json`, a line with "
       "one JSON object for each ([its keys](traces.md#json)); `disabled`, not at all. Unset: as "
       "`print_traces` says.",
       apply_trace_printer},
      // Bare PROMETHEUS_PORT is left out: Kubernetes sets it (to a tcp:// URL) in every container
      // beside a service called "prometheus".
      {{"prometheus_export.port"},
       {"BEYLA_PROMETHEUS_PORT", "OTEL_EBPF_PROMETHEUS_PORT"},
       "",
       SettingType::port,
       "Port of the Prometheus scrape endpoint. Unset: no endpoint.",
       apply_prometheus_port},
      {{"prometheus_export.path"},
       {"PROMETHEUS_PATH", "BEYLA_PROMETHEUS_PATH", "OTEL_EBPF_PROMETHEUS_PATH"},
       "/metrics",
       SettingType::path,
       "URL path of the Prometheus scrape endpoint.",
       apply_prometheus_path},
      {{"prometheus_export.address"},
       {"BEYLA_PROMETHEUS_ADDRESS", "OTEL_EBPF_PROMETHEUS_ADDRESS"},
       "",
       SettingType::address,
       "IPv4 or IPv6 address the scrape endpoint listens on. Unset: all addresses.",
       apply_prometheus_address},
      {{"prometheus_export.ttl"},
       {"BEYLA_PROMETHEUS_TTL", "OTEL_EBPF_PROMETHEUS_TTL"},
       "5m",
       SettingType::duration,
       "How long the series of a service stay after its last process has ended, for example `5m`, "
       "`1h30m` or `500ms`.",
       apply_prometheus_ttl},
      {{"metrics.cardinality_limit"},
       {"BEYLA_METRICS_CARDINALITY_LIMIT", "OTEL_EBPF_METRICS_CARDINALITY_LIMIT"},
       "2000",
       SettingType::count,
       "How many series each metric may have, 1 to 100000. Requests that find no room are counted "
       "in one series of their own, labelled `otel_metric_overflow=\"true\"`, which is one of "
       "them.",
       apply_cardinality_limit},
  };
}

std::vector<Setting> all_settings() {
  std::vector<Setting> settings = process_settings();
  for (Setting& setting : exporter_settings()) settings.push_back(std::move(setting));
  return settings;
}

}  // namespace

std::span<const Setting> setting_table() {
  static const std::vector<Setting> table = all_settings();
  return table;
}

Result<bool> parse_boolean(std::string_view text) {
  const std::string value = lower_case(text);
  if (value == "true" || value == "t" || value == "1") return true;
  if (value == "false" || value == "f" || value == "0") return false;
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is neither true nor false", quoted(text)));
}

}  // namespace beyla::agent::config
