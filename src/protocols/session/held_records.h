// Copies of records that wait for bytes of the other direction; wiped when they go. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "base/wipe.h"
#include "model/event.h"

namespace beyla::protocols::session {

class HeldRecords {
 public:
  [[nodiscard]] bool empty() const { return records_.empty(); }
  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void push(const model::StreamData& event);
  // A view, until pop_front(). REQUIRES: !empty().
  [[nodiscard]] model::StreamData front() const;
  void pop_front();
  // Without its bytes. REQUIRES: !empty().
  [[nodiscard]] const model::StreamData& newest() const { return records_.back().event; }

  // When the front has waited long enough; unset until somebody looked.
  std::optional<base::BootTime> deadline;

 private:
  struct Record {
    model::StreamData event;  // its spans are dead
    base::PrivateBytes payload;
    std::size_t head_bytes = 0;
  };

  std::deque<Record> records_;
  std::size_t bytes_ = 0;
};

}  // namespace beyla::protocols::session
