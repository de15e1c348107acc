// Finds the end of a head (RFC 9112 §2.1: the first empty line) in bytes that come in any pieces.
// Copies only a head that is split, and wipes the copy. One thread.
#pragma once

#include <cstdint>
#include <span>

#include "base/wipe.h"

namespace beyla::protocols::http1 {

class HeadBuffer {
 public:
  enum class Status : std::uint8_t { complete, incomplete, too_long };
  struct Fed {
    Status status = Status::incomplete;
    // complete: the head; else all there is of it. A view of the bytes fed or of this buffer, until
    // the next call.
    std::span<const std::byte> head;
    std::size_t used = 0;  // of the bytes fed
  };

  [[nodiscard]] Fed feed(std::span<const std::byte> bytes);
  [[nodiscard]] std::span<const std::byte> bytes() const;
  [[nodiscard]] bool empty() const { return copy_.empty(); }
  void clear();

 private:
  base::PrivateBytes copy_;
  std::size_t resume_ = 0;  // the search goes on here
};

}  // namespace beyla::protocols::http1
