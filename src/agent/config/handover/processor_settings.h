// The part of the settings that the processor acts on. In its blob it comes from a configuration
// worker to the broker, and from there, made anew, to the processor: a decoded one keeps the limits
// of the loader. Pure, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "abi/config.h"
#include "agent/config/handover/log_level.h"
#include "agent/config/handover/trace_printer_kind.h"
#include "base/result.h"

namespace beyla::agent::config {

struct ProcessorSettings {
  TracePrinterKind trace_printer = TracePrinterKind::disabled;
  bool serve_metrics = false;  // on the listening socket that comes with the settings
  LogLevel log_level = LogLevel::info;
  std::string prometheus_path = "/metrics";
  std::chrono::nanoseconds prometheus_ttl = std::chrono::minutes(5);
  std::size_t metrics_cardinality_limit = 2000;  // series of each metric, at least 1

  bool operator==(const ProcessorSettings&) const = default;
};

// REQUIRES: what decode_settings() would accept.
[[nodiscard]] abi::settings_blob encode_settings(const ProcessorSettings& settings);
// Errors: system, EBADMSG, naming the field.
[[nodiscard]] base::Result<ProcessorSettings> decode_settings(std::span<const std::byte> bytes);

}  // namespace beyla::agent::config
