// Where the processor comes from: the spawner, a service manager, or a thread of this process. One
// processor at a time. Control thread only.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::broker {

struct ProcessorEnd {
  static constexpr int kUnknown = -1;  // all that is known is that its channel has closed
  int exit_code = 0;
  int signal = 0;  // 0: it exited
};

class ProcessorSource {
 public:
  struct Started {
    base::Fd channel;  // SOCK_SEQPACKET; the start message is the first to be sent
    pid_t pid = 0;
  };

  virtual ~ProcessorSource() = default;
  // REQUIRES: none runs. An error with EPIPE is final: no other will ever start.
  [[nodiscard]] virtual base::Result<Started> start() = 0;
  // The one that was started last; its end is reported like any other's.
  virtual void kill() = 0;
  // Its channel is closed at the other end.
  virtual void on_channel_closed() {}

  // Readable: read_end() has something to say. -1: nothing to poll, ask on_channel_closed().
  [[nodiscard]] virtual int fd() const = 0;
  // nullopt: it runs, or none does. An error is final.
  [[nodiscard]] virtual base::Result<std::optional<ProcessorEnd>> read_end() = 0;
};

// "exit code 3", "killed by SIGSEGV", ...
[[nodiscard]] std::string describe(const ProcessorEnd& end);

}  // namespace beyla::broker
