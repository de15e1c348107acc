#include "agent/config/handover/processor_settings.h"

#include "agent/config/handover/fields.h"
#include "agent/config/handover/setting_limits.h"

namespace beyla::agent::config {

using base::Result;

namespace {

constexpr std::string_view kMessage = "the settings of the configuration worker are not understood";

Result<void> decode_outputs(const abi::settings_blob& blob, ProcessorSettings& settings) {
  const auto printer = decode_trace_printer(blob.trace_printer);
  if (!printer) return not_understood(kMessage, "trace_printer");
  if (!is_boolean(blob.serve_metrics)) return not_understood(kMessage, "serve_metrics");
  settings.trace_printer = *printer;
  settings.serve_metrics = blob.serve_metrics == 1;
  if (*printer == TracePrinterKind::disabled && !settings.serve_metrics) {
    return not_understood(kMessage, "nothing to report to");
  }
  return {};
}

Result<void> decode_metrics(const abi::settings_blob& blob, ProcessorSettings& settings) {
  settings.prometheus_ttl = std::chrono::nanoseconds(blob.series_ttl_ns);
  if (settings.prometheus_ttl < kMinTtl || settings.prometheus_ttl > kMaxTtl) {
    return not_understood(kMessage, "series_ttl_ns");
  }
  if (blob.cardinality_limit == 0 || blob.cardinality_limit > kMaxCardinality) {
    return not_understood(kMessage, "cardinality_limit");
  }
  settings.metrics_cardinality_limit = blob.cardinality_limit;
  auto path = read_text(blob.metrics_path);
  if (!path || !is_url_path(*path)) return not_understood(kMessage, "metrics_path");
  settings.prometheus_path = *std::move(path);
  return {};
}

}  // namespace

abi::settings_blob encode_settings(const ProcessorSettings& settings) {
  abi::settings_blob blob{};
  blob.version = abi::kConfigVersion;
  blob.length = sizeof(blob);
  blob.trace_printer = static_cast<std::uint32_t>(settings.trace_printer);
  blob.serve_metrics = settings.serve_metrics ? 1 : 0;
  blob.log_level = static_cast<std::uint32_t>(settings.log_level);
  blob.series_ttl_ns = settings.prometheus_ttl.count();
  blob.cardinality_limit = settings.metrics_cardinality_limit;
  write_text(blob.metrics_path, settings.prometheus_path);
  return blob;
}

Result<ProcessorSettings> decode_settings(std::span<const std::byte> bytes) {
  const auto blob = TRY(read_framed<abi::settings_blob>(bytes, abi::kConfigVersion, kMessage));
  ProcessorSettings settings;
  const auto level = decode_log_level(blob.log_level);
  if (!level) return not_understood(kMessage, "log_level");
  settings.log_level = *level;
  if (blob.reserved != 0) return not_understood(kMessage, "reserved");
  TRY_VOID(decode_outputs(blob, settings));
  TRY_VOID(decode_metrics(blob, settings));
  return settings;
}

}  // namespace beyla::agent::config
