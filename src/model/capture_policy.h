// How many bytes of a connection the kernel copies from now on.
#pragma once

#include <cstdint>

#include "model/connection.h"

namespace beyla::model {

inline constexpr std::uint32_t kPolicySlots = 65536;  // as abi/maps.h says

// Turn bytes that are not counted: the bytes are frames, as the FrameWalk that was given to the
// kernel says. Of every call all but the content of long frames of no wanted type is copied; where
// no frames are found, its beginning, up to 16 KiB, and its end.
inline constexpr std::uint16_t kFramed = 0xffff;

struct CapturePolicy {
  // Bytes copied after each change of direction; both 0: nothing more of this connection, ever.
  std::uint16_t received_turn_bytes = 0;
  std::uint16_t sent_turn_bytes = 0;
  bool operator==(const CapturePolicy&) const = default;
  [[nodiscard]] static constexpr CapturePolicy ignore() { return {}; }
};

class CapturePolicySink {
 public:
  virtual ~CapturePolicySink() = default;
  // A slot of kNone is accepted and does nothing. Never blocks.
  virtual void set_policy(PolicySlot slot, CapturePolicy policy) = 0;
};

}  // namespace beyla::model
