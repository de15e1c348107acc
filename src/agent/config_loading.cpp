#include "agent/config_loading.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/config/handover/config_channel.h"
#include "agent/config/handover/file_copy.h"
#include "agent/config/loader.h"
#include "agent/config/settings_split.h"

namespace beyla::agent {
namespace {

constexpr std::chrono::seconds kPatience{5};  // ours: of an operator at a terminal

base::Error worker_error(const base::Error& cause) {
  if (cause.os_errno == ETIMEDOUT) {
    return {base::ErrorCode::invalid_argument, 0,
            fmt::format("the configuration could not be read within {} s", kPatience.count())};
  }
  if (cause.os_errno == ECONNRESET) {
    return {base::ErrorCode::invalid_argument, 0,
            "the process that reads the configuration ended without an answer: a crash, or more "
            "memory or time than one may take"};
  }
  return cause;
}

}  // namespace

base::Result<config::LoadedConfig> load_in_worker(spawn::Spawner& spawner,
                                                  const config::CommandLine& command) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  base::Fd file;
  if (command.config_file) file = TRY(config::copy_config_file(*command.config_file, deadline));
  const std::array<int, 1> given{file.get()};
  const auto worker = TRY(spawner.spawn(spawn::ChildRole::config_worker,
                                        std::span(given).first(command.config_file ? 1 : 0)));
  TRY_VOID(config::send_config_request(worker.channel.get(), command.config_file));
  auto loaded = config::receive_config(worker.channel.get(), deadline);
  if (!loaded) spawner.kill(worker.id);
  if (!loaded && loaded.error().code == base::ErrorCode::system) {
    return std::unexpected(worker_error(loaded.error()));
  }
  return loaded;
}

base::Result<config::LoadedConfig> load_here(const config::CommandLine& command,
                                             config::Environment environment) {
  std::vector<std::string> warnings;
  const auto settings = TRY(config::load(command.config_file, environment, &warnings));
  return config::LoadedConfig{config::policy_of(settings), config::processor_settings_of(settings),
                              std::move(warnings)};
}

}  // namespace beyla::agent
