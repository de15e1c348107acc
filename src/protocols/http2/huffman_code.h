// The tables behind huffman.cpp, made by the compiler. The code of RFC 7541 Appendix B is
// canonical: its codes ascend with their length, and within a length with the symbol, so that the
// lengths say all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace beyla::protocols::http2::huffman {

constexpr std::size_t kSymbols = 257;
constexpr std::uint16_t kEndOfString = 256;  // RFC 7541 §5.2: never in a string but as padding
constexpr unsigned kMinCodeBits = 5;
constexpr unsigned kMaxCodeBits = 30;

// RFC 7541 Appendix B, column "len in bits".
constexpr std::array<std::uint8_t, kSymbols> kCodeBits = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,  //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,  //
    6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,   // space
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10,  // 0
    13, 6,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,   // @
    7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,   // P
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,   // `
    6,  7,  6,  5,  5,  6,  7,  7,  7,  7,  7,  15, 11, 14, 13, 28,  // p
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,  //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,  //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,  //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,  //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,  //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,  //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,  //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,  //
    30,
};

// The codes of one length, in order.
struct CodesOfLength {
  std::uint32_t first_code = 0;
  std::uint16_t count = 0;
  std::uint16_t first_rank = 0;  // into CanonicalCode::symbols
};

struct CanonicalCode {
  std::array<CodesOfLength, kMaxCodeBits + 1> by_bits{};
  std::array<std::uint16_t, kSymbols> symbols{};
  std::array<std::uint32_t, kSymbols> code_of{};
};

constexpr CanonicalCode make_canonical_code() {
  CanonicalCode made;
  std::uint32_t code = 0;
  std::uint16_t rank = 0;
  for (unsigned bits = kMinCodeBits; bits <= kMaxCodeBits; ++bits) {
    code <<= 1U;
    made.by_bits[bits].first_code = code;
    made.by_bits[bits].first_rank = rank;
    for (std::uint16_t symbol = 0; symbol < kSymbols; ++symbol) {
      if (kCodeBits[symbol] != bits) continue;
      made.symbols[rank++] = symbol;
      made.code_of[symbol] = code++;
      ++made.by_bits[bits].count;
    }
  }
  return made;
}

inline constexpr CanonicalCode kCanonical = make_canonical_code();
static_assert(kCanonical.code_of[kEndOfString] ==
              (1U << kMaxCodeBits) - 1);  // the code is complete

// What the next kPeekBits bits begin with: two symbols where both fit, else one; count 0: a longer
// code. 8 KiB of table; one bit more saves a tenth of the time where nothing else needs the cache.
constexpr unsigned kPeekBits = 11;
struct Peek {
  std::array<std::uint8_t, 2> symbols{};
  std::uint8_t bits = 0;
  std::uint8_t count = 0;
};
using PeekTable = std::array<Peek, std::size_t{1} << kPeekBits>;

constexpr std::span<Peek> peeks_from(PeekTable& table, std::uint32_t code, unsigned bits) {
  const unsigned free_bits = kPeekBits - bits;
  return std::span(table).subspan(std::size_t{code} << free_bits, std::size_t{1} << free_bits);
}

constexpr void add_second_symbols(PeekTable& table, std::uint16_t first) {
  const unsigned first_bits = kCodeBits[first];
  for (std::uint16_t second = 0; second < kEndOfString; ++second) {
    const unsigned bits = first_bits + kCodeBits[second];
    if (bits > kPeekBits) continue;
    const std::uint32_t code =
        kCanonical.code_of[first] << kCodeBits[second] | kCanonical.code_of[second];
    for (Peek& peek : peeks_from(table, code, bits)) {
      peek.symbols[1] = static_cast<std::uint8_t>(second);
      peek.bits = static_cast<std::uint8_t>(bits);
      peek.count = 2;
    }
  }
}

constexpr PeekTable make_peek_table() {
  PeekTable table{};
  for (std::uint16_t first = 0; first < kEndOfString; ++first) {
    if (kCodeBits[first] > kPeekBits) continue;
    for (Peek& peek : peeks_from(table, kCanonical.code_of[first], kCodeBits[first])) {
      peek = {{static_cast<std::uint8_t>(first), 0}, kCodeBits[first], 1};
    }
    add_second_symbols(table, first);
  }
  return table;
}

}  // namespace beyla::protocols::http2::huffman
