#include "agent/config/worker.h"

#include <unistd.h>

#include <cerrno>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "agent/config/handover/config_channel.h"
#include "agent/config/loader.h"
#include "agent/config/settings_split.h"

namespace beyla::agent::config {

using base::Result;

namespace {

constexpr int kExitNoAnswer = 1;
constexpr int kExitBadRequest = 2;

Result<LoadedConfig> load_config(const std::optional<std::string>& path,
                                 const std::vector<base::Fd>& files, Environment environment) {
  std::vector<std::string> warnings;
  const Settings settings =
      TRY(path ? load(OpenConfig{*path, files.front().get()}, environment, &warnings)
               : load(std::nullopt, environment, &warnings));
  return LoadedConfig{policy_of(settings), processor_settings_of(settings), std::move(warnings)};
}

}  // namespace

int run_config_worker(const base::Fd& channel, const std::vector<base::Fd>& files,
                      Environment environment) {
  const auto path = receive_config_request(channel.get());
  if (!path) return path.error().os_errno == EBADMSG ? kExitBadRequest : kExitNoAnswer;
  if (files.size() != (*path ? 1U : 0U)) return kExitBadRequest;
  const auto answer = encode_config_answer(load_config(*path, files, environment));
  return send_config_answer(channel.get(), answer) ? 0 : kExitNoAnswer;
}

int config_worker_main(base::Fd channel, std::vector<base::Fd> files) {
  try {
    const std::vector<base::Fd> owned = std::move(files);
    return run_config_worker(channel, owned, process_environment(environ));
  } catch (const std::exception&) {  // no memory: the frame limits it
    return kExitNoAnswer;
  }
}

}  // namespace beyla::agent::config
