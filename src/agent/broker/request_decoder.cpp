#include "agent/broker/request_decoder.h"

#include <limits>

#include "abi/maps.h"
#include "base/byte_reader.h"

namespace beyla::broker {
namespace {

// Times are signed 64-bit nanoseconds everywhere behind the broker.
constexpr std::uint64_t kLastStartNs = std::numeric_limits<std::int64_t>::max();

bool may_be_a_process(const abi::process_key& key) {
  return key.pid != 0 && key.pid < abi::kPidLimit && key.start_ns <= kLastStartNs;
}

bool is_zero(const abi::process_key& key) {
  return key.pid == 0 && key.exec_generation == 0 && key.start_ns == 0;
}

bool fields_fit(const abi::processor_request& message) {
  if (message.kind == abi::kRequestProbes) return may_be_a_process(message.process);
  return message.probe_set == abi::kProbesNone && is_zero(message.process);
}

}  // namespace

std::expected<Request, Malformed> decode_request(std::span<const std::byte> datagram) {
  const auto message = base::ByteReader(datagram).read_struct<abi::processor_request>();
  if (!message || datagram.size() != sizeof(*message)) return std::unexpected(Malformed::size);
  if (message->version != abi::kChannelVersion) return std::unexpected(Malformed::version);
  switch (message->kind) {
    case abi::kRequestReady:
    case abi::kRequestDelivered:
    case abi::kRequestProbes: break;
    default: return std::unexpected(Malformed::kind);
  }
  if (message->length != sizeof(*message)) return std::unexpected(Malformed::length);
  if (!fields_fit(*message)) return std::unexpected(Malformed::fields);
  const auto& key = message->process;
  return Request{static_cast<abi::message_kind>(message->kind),
                 message->request_id,
                 {key.pid, key.exec_generation, key.start_ns},
                 message->probe_set};
}

}  // namespace beyla::broker
