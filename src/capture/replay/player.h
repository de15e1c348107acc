// Plays a recording into the stages behind capture, in the order in which it was recorded. Time is
// that of the recording; the clock is never read. One thread.
#pragma once

#include <optional>

#include "base/result.h"
#include "capture/record_decoder.h"
#include "capture/replay/recording_reader.h"
#include "model/event.h"
#include "model/target.h"

namespace beyla::capture::replay {

class TickSink {
 public:
  virtual ~TickSink() = default;
  // Housekeeping ran at this time when it was recorded.
  virtual void on_tick(base::BootTime time) = 0;
};

struct Stages {
  model::EventSink& events;
  model::TargetSink& targets;
  TickSink& ticks;
};

struct Ending {
  base::BootTime time;  // the latest of the recording
  // Why it did not end as it should: cut short, damaged or unreadable. What stands before was
  // played.
  std::optional<base::Error> failure;
};

[[nodiscard]] Ending play(RecordingReader& reader, Stages stages, DecoderCounts& counts);

}  // namespace beyla::capture::replay
