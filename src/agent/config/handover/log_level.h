// How much the agent says about itself. The numbers are those of abi/config.h.
#pragma once

#include <cstdint>
#include <optional>

#include "abi/config.h"

namespace beyla::agent::config {

enum class LogLevel : std::uint32_t {
  debug = abi::kLogDebug,
  info = abi::kLogInfo,
  warn = abi::kLogWarn,
  error = abi::kLogError,
};

[[nodiscard]] inline std::optional<LogLevel> decode_log_level(std::uint32_t level) {
  if (level < abi::kLogDebug || level > abi::kLogError) return std::nullopt;
  return static_cast<LogLevel>(level);
}

// What this process logs from now on.
void apply_log_level(LogLevel level);

}  // namespace beyla::agent::config
