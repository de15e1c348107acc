#include "agent/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <memory>

namespace beyla::agent {

void start_logging() {
  ::tzset();
  auto logger =
      std::make_shared<spdlog::logger>("beyla", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("time=%Y-%m-%dT%H:%M:%S.%e%z level=%l msg=\"%v\"");
  spdlog::set_default_logger(std::move(logger));
}

void set_log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::debug: spdlog::set_level(spdlog::level::debug); return;
    case config::LogLevel::warn: spdlog::set_level(spdlog::level::warn); return;
    case config::LogLevel::error: spdlog::set_level(spdlog::level::err); return;
    case config::LogLevel::info: spdlog::set_level(spdlog::level::info); return;
  }
}

}  // namespace beyla::agent
