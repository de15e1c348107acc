// Strings of a table whose oldest go first: one piece of memory, no allocation per string, wiped
// where a string has left. It slides: what is there moves to the front when the end is reached and
// a quarter is free. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace beyla::protocols::http2 {

class StringQueue {
 public:
  // Counts all bytes that ever came; wraps.
  using Position = std::uint32_t;

  StringQueue() = default;
  StringQueue(const StringQueue&) = delete;
  StringQueue& operator=(const StringQueue&) = delete;
  ~StringQueue() { clear(); }

  // Where the next string will stand.
  [[nodiscard]] Position end() const { return base_ + static_cast<Position>(tail_); }
  // REQUIRES: text stands outside; all that is held stays below 2^31 bytes.
  void append(std::string_view text);
  // Wipes all in front of it. REQUIRES: a position from end(), not before one given here already.
  void drop_before(Position position);
  void clear() { drop_before(end()); }
  // A view until the next append(). REQUIRES: it is there.
  [[nodiscard]] std::string_view view(Position position, std::size_t length) const {
    return {memory_.get() + (position - base_), length};
  }
  [[nodiscard]] std::size_t memory_bytes() const { return capacity_; }

 private:
  void make_room(std::size_t length);
  void move_to(char* memory);

  std::unique_ptr<char[]> memory_;
  std::size_t capacity_ = 0;
  std::size_t head_ = 0;  // of the oldest byte
  std::size_t tail_ = 0;  // behind the newest
  Position base_ = 0;     // of memory_[0]
};

}  // namespace beyla::protocols::http2
