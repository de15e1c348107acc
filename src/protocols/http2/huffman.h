// Strings in the Huffman code of HPACK (RFC 7541 §5.2, Appendix B), from untrusted bytes. Any
// thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace beyla::protocols::http2 {

// Room that any string of so many encoded bytes fits in: no code is shorter than 5 bits. One byte
// more, because symbols are written in pairs.
[[nodiscard]] constexpr std::size_t huffman_room(std::size_t encoded_bytes) {
  return encoded_bytes * 8 / 5 + 2;
}

// How many bytes of text were written. nullopt: an EOS symbol in the string, padding of more than 7
// bits or of others than EOS begins with, or a code that is cut.
// REQUIRES: text has huffman_room(encoded.size()).
[[nodiscard]] std::optional<std::size_t> huffman_decode(std::span<const std::byte> encoded,
                                                        std::span<char> text);

}  // namespace beyla::protocols::http2
