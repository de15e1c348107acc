// For recordings: which payload bytes may be kept as they are. What no parser names is masked.
// Called while the parser takes the bytes; the shard's thread only.
#pragma once

#include <cstdint>

#include "model/connection.h"

namespace beyla::protocols::session {

class RetentionSink {
 public:
  virtual ~RetentionSink() = default;
  // Stream positions. Bytes of records before the current one are ignored: they are written.
  virtual void retain(model::ConnectionId connection, model::Direction direction,
                      std::uint64_t offset, std::uint64_t length) = 0;
};

}  // namespace beyla::protocols::session
