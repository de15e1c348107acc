#include "protocols/http2/string_queue.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "base/wipe.h"

namespace beyla::protocols::http2 {
namespace {

constexpr std::size_t kMinCapacity = 256;

void wipe(char* begin, std::size_t length) {
  base::wipe(std::as_writable_bytes(std::span(begin, length)));
}

}  // namespace

void StringQueue::append(std::string_view text) {
  if (text.empty()) return;
  if (text.size() > capacity_ - tail_) make_room(text.size());
  std::memcpy(memory_.get() + tail_, text.data(), text.size());
  tail_ += text.size();
}

void StringQueue::drop_before(Position position) {
  const std::size_t head = position - base_;
  wipe(memory_.get() + head_, head - head_);
  head_ = head;
}

void StringQueue::make_room(std::size_t length) {
  const std::size_t needed = tail_ - head_ + length;
  if (needed <= capacity_ / 4 * 3) return move_to(memory_.get());
  const std::size_t capacity = std::bit_ceil(std::max(needed + needed / 3 + 1, kMinCapacity));
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  move_to(larger.get());
  memory_ = std::move(larger);
  capacity_ = capacity;
}

void StringQueue::move_to(char* memory) {
  const std::size_t held = tail_ - head_;
  if (held != 0) std::memmove(memory, memory_.get() + head_, held);
  const std::size_t kept = memory == memory_.get() ? held : 0;
  if (tail_ != 0) wipe(memory_.get() + std::max(head_, kept), tail_ - std::max(head_, kept));
  base_ += static_cast<Position>(head_);
  head_ = 0;
  tail_ = held;
}

}  // namespace beyla::protocols::http2
