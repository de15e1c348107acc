// The redo log of a ledger's transaction: entries of region, offset and bytes. They are values, not
// changes: to apply them again, wholly or in part, gives the same. A log that a predecessor left is
// checked entry by entry, when it is taken over and when it is applied. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace beyla::base {

struct RedoEntry {
  std::uint32_t region = 0;
  std::uint32_t bytes = 0;  // that follow
  std::uint64_t offset = 0;
};
static_assert(sizeof(RedoEntry) == 16);

class RedoLog {
 public:
  // Room with which any transaction fits: all pages one by one, which is what compact() leaves, and
  // as much again, so that it is called seldom.
  [[nodiscard]] static std::size_t room_for(std::size_t region_pages);

  // The regions and the room stay the caller's; nothing is written to the regions but by apply().
  RedoLog(std::span<const std::span<std::byte>> regions, std::span<std::byte> room)
      : regions_(regions), room_(room) {}

  [[nodiscard]] std::size_t size() const { return used_; }
  void clear() { used_ = 0; }
  // REQUIRES: inside the region.
  void append(std::size_t region, std::size_t offset, std::span<const std::byte> bytes);

  // Whether the first `bytes` of the room are entries inside the regions, and nothing else.
  [[nodiscard]] bool is_valid(std::size_t bytes) const;
  // Writes them to the regions.
  void apply(std::size_t bytes) const;
  // Gives back the memory of what is not used.
  void release() const;

 private:
  template <typename Visit>
  [[nodiscard]] bool visit(std::size_t bytes, Visit&& visit) const;
  void append_entry(std::size_t region, std::size_t offset, std::span<const std::byte> bytes);
  // The same transaction as whole pages, each once.
  void compact();

  std::span<const std::span<std::byte>> regions_;
  std::span<std::byte> room_;
  std::size_t used_ = 0;
};

}  // namespace beyla::base
