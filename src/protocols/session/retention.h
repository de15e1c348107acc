// For recordings: which payload bytes may be kept as they are, and the records in the order in
// which they were understood. The shard's thread only.
#pragma once

#include <cstdint>

#include "model/connection.h"
#include "model/event.h"

namespace beyla::protocols::session {

// Called while a parser takes the bytes of a record. What nobody names is masked.
class RetentionSink {
 public:
  virtual ~RetentionSink() = default;
  // Stream positions. Bytes of records before the current one are ignored: they are written.
  virtual void retain(model::ConnectionId connection, model::Direction direction,
                      std::uint64_t offset, std::uint64_t length) = 0;
};

// Sees every event that the table was given, once and in *resolved* order: a record that was held
// until the other direction caught up comes where it was fed to the parser, not where it stood in
// the ring. on_data(event) comes after the parser has seen the record, thus behind all retain()
// calls for it; also for records of opaque and unknown connections and for duplicates, of which
// nothing was named. time and other_offset of a record are as the parser got them: corrected where
// its tracepoint ran late. A table of RecordOrder::resolved that is fed these events, masked, gives
// the same exchanges, incompletes, unpaired and gaps, with no tidy() between them. flush() passes
// on held records but no on_closed: the end of the recording is the reader's to flush.
// The spans of an event die when the call returns. Must not call back into the table.
class RecordTap : public RetentionSink, public model::EventSink {};

enum class RecordOrder : std::uint8_t {
  ring,      // from the kernel: records of a client may stand before the request they answer
  resolved,  // as a RecordTap saw them: nothing is held
};

}  // namespace beyla::protocols::session
