// The two datagrams between the broker and a configuration worker, over one end of a SOCK_SEQPACKET
// pair. The channel is borrowed. One thread an end.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "abi/config.h"
#include "agent/config/handover/config_messages.h"
#include "base/result.h"

namespace beyla::agent::config {

// Broker. path as in encode_config_request(). Errors: system.
[[nodiscard]] base::Result<void> send_config_request(int channel,
                                                     std::optional<std::string_view> path);

// Broker. Waits for the one answer, no longer than to the deadline. File descriptors that a worker
// sends along are dropped by the kernel. Errors:
//   invalid_argument      the worker refused the configuration; message() is for the operator
//   system, ETIMEDOUT     no answer by the deadline: the worker is still there
//   system, ECONNRESET    the worker has ended, or closed its end, without an answer
//   system, EBADMSG       it sent something else
//   system, other errno   the channel failed
[[nodiscard]] base::Result<LoadedConfig> receive_config(
    int channel, std::chrono::steady_clock::time_point deadline);

// Worker. Blocks. Errors: system; ECONNRESET where the broker has ended.
[[nodiscard]] base::Result<std::optional<std::string>> receive_config_request(int channel);
[[nodiscard]] base::Result<void> send_config_answer(int channel, const abi::config_answer& answer);

}  // namespace beyla::agent::config
