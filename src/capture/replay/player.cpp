#include "capture/replay/player.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/byte_reader.h"
#include "capture/target_messages.h"

namespace beyla::capture::replay {
namespace {

// The time that stands first in a moment, behind kind and size in an event. Implausible: none.
std::optional<base::BootTime> time_of(const Entry& entry) {
  std::optional<std::uint64_t> ns;
  base::ByteReader reader(entry.payload);
  switch (entry.kind) {
    case EntryKind::event:
      if (const auto header = reader.read_struct<abi::event_header>()) ns = header->time_ns;
      break;
    case EntryKind::target_change:
      if (const auto message = reader.read_struct<abi::target_message>()) ns = message->time_ns;
      break;
    case EntryKind::tick:
    case EntryKind::end:
      if (const auto moment_read = reader.read_struct<moment>()) ns = moment_read->time_ns;
      break;
  }
  if (!ns || !is_plausible_time(*ns)) return std::nullopt;
  return base::BootTime(std::chrono::nanoseconds(static_cast<std::int64_t>(*ns)));
}

base::Error cut_short(const RecordingReader& reader) {
  return {base::ErrorCode::invalid_argument, 0,
          fmt::format("{}: cut short behind byte {}, what stands before is replayed", reader.name(),
                      reader.position())};
}

}  // namespace

Ending play(RecordingReader& reader, Stages stages, DecoderCounts& counts) {
  Ending ending;
  while (true) {
    auto entry = reader.next();
    if (!entry || !*entry) {
      ending.failure = entry ? cut_short(reader) : std::move(entry).error();
      return ending;
    }
    const auto time = time_of(**entry);
    if (time) ending.time = std::max(ending.time, *time);
    switch ((*entry)->kind) {
      case EntryKind::event: decode_record((*entry)->payload, stages.events, counts); break;
      case EntryKind::target_change:
        if (!decode_target_message((*entry)->payload, stages.targets)) counts.malformed.add();
        break;
      case EntryKind::tick:
        if (time) stages.ticks.on_tick(*time);
        break;
      case EntryKind::end:
        if (auto rest = reader.expect_nothing_more(); !rest) ending.failure = rest.error();
        return ending;
    }
  }
}

}  // namespace beyla::capture::replay
