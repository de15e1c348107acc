// Kernel record bytes -> Event -> sink. Bytes are checked against their own sizes: a record that
// does not fit is counted and dropped. No state; shard thread.
#pragma once

#include <array>
#include <span>

#include "abi/events.h"
#include "base/counter.h"
#include "model/event.h"

namespace beyla::capture {

struct DecoderCounts {
  std::array<base::Counter, abi::kEventKinds> delivered;  // by event_kind
  base::Counter malformed;
};

// False for times that no machine's clock shows. Those that pass can be added and subtracted
// without overflow, whatever a recording claims.
[[nodiscard]] constexpr bool is_plausible_time(std::uint64_t ns) {
  constexpr std::uint64_t kEndOfTimeNs = std::uint64_t{1} << 62U;  // 146 years
  return ns < kEndOfTimeNs;
}

// Counts it and looks no further: one that does not fit, as it has ended those who decoded it.
void pass_over_record(std::span<const std::byte> record, DecoderCounts& counts);

void decode_record(std::span<const std::byte> record, model::EventSink& sink,
                   DecoderCounts& counts);

}  // namespace beyla::capture
