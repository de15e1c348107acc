// The file that `beyla record` writes and `beyla replay` reads: a recording_header, then entries.
// An entry is an entry_header and its payload:
//
//   kind           payload
//   event          one record of abi/events.h. Records come in the order in which they were
//                  understood; payload that no protocol named is masked, and calls
//                  of functions are without what may be a secret (query, userinfo)
//   target_change  one abi::target_message
//   tick           moment: housekeeping ran (timeouts are judged by these, not by a clock)
//   end            moment: the recorder was told to stop; nothing follows. Without it the recording
//                  was cut short
//
// Integers are little-endian and of fixed width, nothing is aligned in the file; times are
// nanoseconds of CLOCK_BOOTTIME. kFormatVersion changes with this file, abi::kAbiVersion with the
// records inside: a reader refuses what it does not know.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "abi/events.h"
#include "abi/maps.h"
#include "abi/messages.h"

namespace beyla::capture::replay {

static_assert(std::endian::native == std::endian::little, "structs are copied to the file as is");

inline constexpr std::array<std::uint8_t, 8> kMagic = {'B', 'E', 'Y', 'L', 'A', 'R', 'E', 'C'};
inline constexpr std::uint32_t kFormatVersion = 1;

enum class EntryKind : std::uint32_t {
  event = 1,
  target_change = 2,
  tick = 3,
  end = 4,
};

struct recording_header {
  std::array<std::uint8_t, 8> magic;
  std::uint32_t format_version;
  std::uint32_t abi_version;
  std::int64_t wall_offset_ns;  // CLOCK_REALTIME minus CLOCK_BOOTTIME when the recording began
};
static_assert(offsetof(recording_header, format_version) == 8);
static_assert(offsetof(recording_header, abi_version) == 12);
static_assert(offsetof(recording_header, wall_offset_ns) == 16);
static_assert(sizeof(recording_header) == 24);

struct entry_header {
  std::uint32_t kind;           // EntryKind
  std::uint32_t payload_bytes;  // at most kMaxPayloadBytes
};
static_assert(offsetof(entry_header, payload_bytes) == 4);
static_assert(sizeof(entry_header) == 8);

struct moment {
  std::uint64_t time_ns;
};
static_assert(sizeof(moment) == 8);

// Ours: several times the largest record of any capture policy; a length beyond it is damage.
inline constexpr std::uint32_t kMaxPayloadBytes = 128 * 1024;
static_assert(sizeof(abi::event_data) + abi::kRecordHeadBytes + abi::kTailBytes < kMaxPayloadBytes);
static_assert(sizeof(abi::target_message) < kMaxPayloadBytes);

}  // namespace beyla::capture::replay
