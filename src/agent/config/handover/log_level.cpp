#include "agent/config/handover/log_level.h"

#include <spdlog/spdlog.h>

namespace beyla::agent::config {

void apply_log_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug: spdlog::set_level(spdlog::level::debug); return;
    case LogLevel::info: spdlog::set_level(spdlog::level::info); return;
    case LogLevel::warn: spdlog::set_level(spdlog::level::warn); return;
    case LogLevel::error: spdlog::set_level(spdlog::level::err); return;
  }
}

}  // namespace beyla::agent::config
