// For tests: what a ledger holds of a session table's book. One thread.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "protocols/session/session_table.h"

namespace beyla::protocols::session {

class MemoryBook {
 public:
  MemoryBook() = default;
  explicit MemoryBook(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {}
  void take(SessionTable& table) {
    table.take_book_changes([this](std::size_t offset, std::span<const std::byte> bytes) {
      if (bytes_.size() < offset + bytes.size()) bytes_.resize(offset + bytes.size());
      std::ranges::copy(bytes, bytes_.begin() + static_cast<std::ptrdiff_t>(offset));
    });
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace beyla::protocols::session
