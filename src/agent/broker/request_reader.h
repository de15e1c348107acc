// The processor's end of the channel -> RequestDesk, a bounded number of datagrams per turn of the
// broker's loop: a processor that floods is slowed down, and the broker's other work goes on.
// Control thread only.
#pragma once

#include <chrono>
#include <cstddef>

#include "agent/broker/request_desk.h"
#include "base/clock.h"

namespace beyla::broker {

class RequestReader {
 public:
  static constexpr std::size_t kMaxPerTurn = 64;
  // After a full turn: 6,400 messages a second at most. A processor that keeps to the rate sends
  // one in each such time.
  static constexpr std::chrono::milliseconds kPause{10};

  explicit RequestReader(RequestDesk& desk) : desk_(desk) {}

  enum class Turn {
    done,     // poll() the fd again, from resume_at() on
    hostile,  // it sent too much that is no request: end it
    flooded,  // far too many: the same
    closed,   // nothing more can come
  };
  // Never blocks. File descriptors that come with a message are closed unseen.
  [[nodiscard]] Turn read(int channel, base::BootTime now);

  // Until then the channel is not to be polled for reading. In the past: no pause.
  [[nodiscard]] base::BootTime resume_at() const { return resume_at_; }

 private:
  RequestDesk& desk_;
  base::BootTime resume_at_{};
};

}  // namespace beyla::broker
