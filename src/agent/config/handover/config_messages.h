// The broker's request to a configuration worker, and the worker's answer, as datagrams of
// abi/config.h. Both are read strictly; texts for the operator are fit for a terminal on both
// sides, as the worker may lie. Pure, any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/config.h"
#include "agent/config/handover/policy.h"
#include "agent/config/handover/processor_settings.h"
#include "base/result.h"

namespace beyla::agent::config {

struct LoadedConfig {
  Policy policy;
  ProcessorSettings settings;
  std::vector<std::string> warnings;  // a line each, for the operator

  bool operator==(const LoadedConfig&) const = default;
};

// path: how the operator called the file, for messages; its end, if it is too long for the field.
// nullopt or empty: there is none.
[[nodiscard]] abi::config_request encode_config_request(std::optional<std::string_view> path);
// Out: the path; nullopt: without a file. Errors: system, EBADMSG.
[[nodiscard]] base::Result<std::optional<std::string>> decode_config_request(
    std::span<const std::byte> bytes);

// What was loaded, or why not. Warnings that find no room are counted in a last one.
[[nodiscard]] abi::config_answer encode_config_answer(const base::Result<LoadedConfig>& loaded);
// Errors: invalid_argument with one line, where the worker refused the configuration; system,
// EBADMSG for what is no answer.
[[nodiscard]] base::Result<LoadedConfig> decode_config_answer(std::span<const std::byte> bytes);

}  // namespace beyla::agent::config
