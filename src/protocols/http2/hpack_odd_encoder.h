// For tests: an HPACK encoder that does whatever RFC 7541 allows and no real one does, led by
// choices that come as bytes. It keeps the table as §4 says, so that its indices are valid. One
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "protocols/http2/hpack_static_table.h"
#include "protocols/http2/hpack_table.h"
#include "protocols/http2/huffman_code.h"

namespace beyla::protocols::http2 {

inline std::string huffman_encode(std::string_view text) {
  std::string encoded;
  std::uint64_t bits = 0;
  unsigned count = 0;
  for (const char letter : text) {
    const auto symbol = static_cast<std::uint8_t>(letter);
    bits = bits << huffman::kCodeBits[symbol] | huffman::kCanonical.code_of[symbol];
    count += huffman::kCodeBits[symbol];
    for (; count >= 8; count -= 8) encoded += static_cast<char>(bits >> (count - 8));
  }
  if (count > 0) encoded += static_cast<char>(bits << (8 - count) | 0xFFU >> count);
  return encoded;
}

inline std::string hpack_integer(std::uint8_t flags, unsigned prefix_bits, std::uint64_t value) {
  const std::uint64_t prefix_max = (1U << prefix_bits) - 1;
  if (value < prefix_max) return {static_cast<char>(flags | value)};
  std::string bytes{static_cast<char>(flags | prefix_max)};
  for (value -= prefix_max; value >= 128; value /= 128)
    bytes += static_cast<char>(value % 128 + 128);
  return bytes + static_cast<char>(value);
}

inline std::string hpack_string(std::string_view text, bool huffman) {
  const std::string bytes = huffman ? huffman_encode(text) : std::string(text);
  return hpack_integer(huffman ? 0x80 : 0, 7, bytes.size()) + bytes;
}

// Zeros when they are used up.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t next() {
    if (bytes_.empty()) return 0;
    const std::uint8_t byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }
  std::size_t below(std::size_t limit) { return next() % limit; }

 private:
  std::span<const std::uint8_t> bytes_;
};

class OddEncoder {
 public:
  // max_table_bytes: the largest table that it makes.
  explicit OddEncoder(std::size_t max_table_bytes) : max_table_bytes_(max_table_bytes) {}

  [[nodiscard]] std::string encode(Choices& choices) {
    std::string block;
    if (choices.below(8) == 0) block += table_size(choices);
    for (auto fields = choices.below(12) + 1; fields > 0; --fields) block += field(choices);
    return block;
  }

 private:
  using Pair = std::pair<std::string, std::string>;
  static constexpr std::array<std::string_view, 8> kNames = {
      "traceparent", "grpc-status", "x-request-id", "te", ":path", "content-type", "n", ""};
  static constexpr std::array<std::size_t, 8> kTableSizes = {0,   31,   32,   80,
                                                             256, 1000, 4096, 1U << 20U};

  std::string table_size(Choices& choices) {
    limit_ = std::min(kTableSizes[choices.below(kTableSizes.size())], max_table_bytes_);
    evict(limit_);
    return hpack_integer(0x20, 5, limit_);
  }

  std::string field(Choices& choices) {
    const std::size_t kind = choices.below(8);
    if (kind < 2) return hpack_integer(0x80, 7, choices.below(kStaticFields) + 1);
    if (kind < 5 && !table_.empty()) return hpack_integer(0x80, 7, dynamic_index(choices));
    if (kind < 6) return literal(0x40, 6, choices);
    return literal(kind == 6 ? 0x10 : 0x00, 4, choices);
  }

  std::size_t dynamic_index(Choices& choices) {
    return kStaticFields + 1 + (choices.next() * 256U + choices.next()) % table_.size();
  }

  std::string literal(std::uint8_t flags, unsigned prefix_bits, Choices& choices) {
    Pair made;
    std::string bytes;
    const std::size_t kind = choices.below(4);
    if (kind == 0) {
      const std::size_t index = choices.below(kStaticFields) + 1;
      made.first = *kStaticTable[index - 1].name;
      bytes = hpack_integer(flags, prefix_bits, index);
    } else if (kind == 1 && !table_.empty()) {
      const std::size_t index = dynamic_index(choices);
      made.first = table_[index - kStaticFields - 1].first;
      bytes = hpack_integer(flags, prefix_bits, index);
    } else {
      made.first = kind == 2 ? text(choices) : kNames[choices.below(kNames.size())];
      bytes =
          hpack_integer(flags, prefix_bits, 0) + hpack_string(made.first, choices.below(2) == 0);
    }
    made.second = text(choices);
    bytes += hpack_string(made.second, choices.below(2) == 0);
    if (flags == 0x40) insert(std::move(made));
    return bytes;
  }

  // Any bytes, now and then many, and never more than kMaxHpackStringBytes of the longest codes.
  std::string text(Choices& choices) {
    const std::size_t kind = choices.below(32);
    if (kind == 0) return std::string(choices.next() * 8U, static_cast<char>(choices.next()));
    std::string made;
    for (auto left = kind < 16 ? kind : choices.next() / 4U; left > 0; --left) {
      made += static_cast<char>(choices.next());
    }
    return made;
  }

  void insert(Pair pair) {
    const std::size_t bytes = bytes_of(pair);
    evict(limit_ - std::min(limit_, bytes));
    if (bytes > limit_) return;
    bytes_ += bytes;
    table_.push_front(std::move(pair));
  }
  void evict(std::size_t limit) {
    while (bytes_ > limit) {
      bytes_ -= bytes_of(table_.back());
      table_.pop_back();
    }
  }
  static std::size_t bytes_of(const Pair& pair) {
    return kEntryOverhead + pair.first.size() + pair.second.size();
  }

  std::size_t max_table_bytes_;
  std::size_t limit_ = kDefaultTableBytes;
  std::size_t bytes_ = 0;
  std::deque<Pair> table_;
};

}  // namespace beyla::protocols::http2
