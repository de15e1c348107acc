// How far a BPF ring buffer was written and read. The reader, who is not trusted, can write any
// number as its own: compare it, no more. Any thread.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace beyla::broker {

struct RingPositions {
  std::uint64_t consumer = 0;
  std::uint64_t producer = 0;
};

class RingView {
 public:
  // The fd is borrowed during the call.
  [[nodiscard]] static base::Result<RingView> map(int ring_fd);
  RingView(RingView&& other) noexcept;
  RingView& operator=(RingView&&) = delete;
  ~RingView();

  [[nodiscard]] RingPositions read() const;

 private:
  explicit RingView(void* pages) : pages_(pages) {}

  void* pages_;  // consumer page, producer page: kernel/bpf/ringbuf.c
};

}  // namespace beyla::broker
