// Where ELF workers come from: throw-away processes without powers, each of which reads one file
// and answers one abi::binary_report. Control thread only.
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::broker {

class ElfWorkers {
 public:
  struct Started {
    std::uint64_t id = 0;
    base::Fd channel;  // SOCK_SEQPACKET; its end: the worker has ended
  };

  virtual ~ElfWorkers() = default;
  // The file is borrowed during the call.
  [[nodiscard]] virtual base::Result<Started> start(int exe_fd) = 0;
  // One that has ended: nothing.
  virtual void kill(std::uint64_t id) = 0;
};

}  // namespace beyla::broker
