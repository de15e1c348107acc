#include "capture/target_messages.h"

#include <algorithm>
#include <string>

#include "base/byte_reader.h"
#include "capture/record_decoder.h"

namespace beyla::capture {

abi::target_message make_target_message(abi::target_change change, const model::ProcessKey& key,
                                        base::BootTime time, std::string_view service_name) {
  return abi::make_target_message(change, {key.pid, key.exec_generation, key.start_ns},
                                  static_cast<std::uint64_t>(time.time_since_epoch().count()),
                                  service_name);
}

bool decode_target_message(std::span<const std::byte> bytes, model::TargetSink& sink) {
  if (bytes.size() != sizeof(abi::target_message)) return false;
  const auto message = base::ByteReader(bytes).read_struct<abi::target_message>();
  if (!message || message->version != abi::kAbiVersion) return false;
  if (!is_plausible_time(message->time_ns)) return false;
  const model::ProcessKey key{message->process.pid, message->process.exec_generation,
                              message->process.start_ns};
  const base::BootTime time{std::chrono::nanoseconds(static_cast<std::int64_t>(message->time_ns))};
  const auto* const name_end = std::ranges::find(message->service_name, std::uint8_t{0});
  switch (message->change) {
    case abi::kTargetSelected:
      sink.on_selected({key, {std::string(std::begin(message->service_name), name_end)}}, time);
      return true;
    case abi::kTargetRejected: sink.on_rejected(key, time); return true;
    case abi::kTargetExited: sink.on_exited(key, time); return true;
    default: return false;
  }
}

}  // namespace beyla::capture
