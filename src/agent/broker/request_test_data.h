// Requests as a processor of ours sends them, for the tests beside.
#pragma once

#include <cstddef>
#include <span>

#include "abi/requests.h"
#include "model/process.h"

namespace beyla::broker {

inline abi::processor_request make_notice(abi::message_kind kind) {
  abi::processor_request request{};
  request.version = abi::kChannelVersion;
  request.kind = kind;
  request.length = sizeof(request);
  return request;
}

inline abi::processor_request make_probe_request(const model::ProcessKey& key,
                                                 std::uint32_t probes = abi::kProbesSockets,
                                                 std::uint64_t id = 7) {
  abi::processor_request request = make_notice(abi::kRequestProbes);
  request.probe_set = probes;
  request.request_id = id;
  request.process = {key.pid, key.exec_generation, key.start_ns};
  return request;
}

inline std::span<const std::byte> bytes_of(const abi::processor_request& request) {
  return std::as_bytes(std::span(&request, 1));
}

}  // namespace beyla::broker
