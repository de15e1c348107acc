// One datagram of the processor in, a request out, or why it is none. The bytes are hostile: a
// processor that parsed the wrong traffic may have been taken over. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "abi/requests.h"
#include "model/process.h"

namespace beyla::broker {

struct Request {
  abi::message_kind kind = abi::kRequestReady;  // one of the three kRequest…
  std::uint64_t id = 0;
  // Of kRequestProbes. The set is the number that was sent: maybe none that exists.
  model::ProcessKey process;
  std::uint32_t probe_set = 0;
};

enum class Malformed : std::uint8_t {
  size,     // of the datagram
  version,  // of the channel
  kind,     // none of a request
  length,   // as the message has it
  fields,   // a pid, start or generation that no process has, or something where zeroes belong
  kCount,
};

// Accepts exactly one whole request.
[[nodiscard]] std::expected<Request, Malformed> decode_request(std::span<const std::byte> datagram);

}  // namespace beyla::broker
