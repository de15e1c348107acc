#include "protocols/http2/huffman.h"

#include <bit>
#include <cassert>
#include <cstring>

#include "protocols/http2/huffman_code.h"

namespace beyla::protocols::http2 {
namespace {

using namespace huffman;

constexpr unsigned kWindowBits = 64;
constexpr unsigned kMaxPaddingBits = 7;  // RFC 7541 §5.2
constexpr PeekTable kPeeks = make_peek_table();

struct Code {
  std::uint16_t symbol = kEndOfString;
  unsigned bits = kMaxCodeBits;
};

// The next bits of the string, the first on top.
class Window {
 public:
  explicit Window(std::span<const std::byte> encoded)
      : next_(encoded.data()), end_(encoded.data() + encoded.size()) {}

  // All that there is room for: at least 56 bits, or the rest of the string.
  void refill() {
    if (end_ - next_ < static_cast<std::ptrdiff_t>(sizeof(bits_))) return refill_by_byte();
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, next_, sizeof(bytes));
    if constexpr (std::endian::native == std::endian::little) bytes = __builtin_bswap64(bytes);
    bits_ |= bytes >> count_ % kWindowBits;  // fewer than that while 8 bytes are left
    next_ += (kWindowBits - 1 - count_) / 8;
    count_ |= 56U;
  }
  // As if EOS followed, so that nothing looks like a symbol there.
  void pad() {
    if (count_ < kWindowBits) bits_ |= ~std::uint64_t{0} >> count_;
  }
  [[nodiscard]] unsigned count() const { return count_; }
  [[nodiscard]] const Peek& peek() const { return kPeeks[bits_ >> (kWindowBits - kPeekBits)]; }
  // REQUIRES: as many as there are.
  void drop(unsigned bits) {
    bits_ <<= bits;
    count_ -= bits;
  }
  // REQUIRES: 30 bits, or pad().
  [[nodiscard]] Code long_code() const {
    for (unsigned bits = kPeekBits + 1; bits <= kMaxCodeBits; ++bits) {
      const CodesOfLength& codes = kCanonical.by_bits[bits];
      const auto rank =
          static_cast<std::uint32_t>(bits_ >> (kWindowBits - bits)) - codes.first_code;
      if (rank < codes.count) return {kCanonical.symbols[codes.first_rank + rank], bits};
    }
    return {};  // not reached: the code is complete
  }
  // REQUIRES: pad().
  [[nodiscard]] Code single_code() const {
    const Peek& next = peek();
    if (next.count == 0) return long_code();
    return {next.symbols[0], kCodeBits[next.symbols[0]]};
  }
  // REQUIRES: pad().
  [[nodiscard]] bool only_padding() const {
    return count_ <= kMaxPaddingBits && std::countl_one(bits_) >= static_cast<int>(count_);
  }

 private:
  void refill_by_byte() {
    while (next_ != end_ && count_ <= kWindowBits - 8) {
      bits_ |= std::uint64_t{std::to_integer<std::uint8_t>(*next_++)} << (kWindowBits - 8 - count_);
      count_ += 8;
    }
  }

  std::uint64_t bits_ = 0;
  unsigned count_ = 0;
  const std::byte* next_;
  const std::byte* end_;
};

char* put(char* out, const Peek& peek) {
  std::memcpy(out, peek.symbols.data(), peek.symbols.size());
  return out + peek.count;
}

// Less than a longest code is left. nullptr: it is not what a string may end with.
char* decode_tail(Window& window, char* out) {
  window.pad();
  for (;;) {
    const Peek& next = window.peek();
    if (next.count != 0 && next.bits <= window.count()) {
      out = put(out, next);
      window.drop(next.bits);
      window.pad();
      continue;
    }
    if (window.only_padding()) return out;
    const Code code = window.single_code();
    if (code.bits > window.count()) return nullptr;
    *out++ = static_cast<char>(code.symbol);
    window.drop(code.bits);
    window.pad();
  }
}

// As long as a whole code is there for certain. nullptr: EOS.
char* decode_body(Window& window, char* out) {
  for (window.refill(); window.count() >= kMaxCodeBits; window.refill()) {
    if (window.peek().count == 0) {
      const Code code = window.long_code();
      if (code.symbol == kEndOfString) return nullptr;
      *out++ = static_cast<char>(code.symbol);
      window.drop(code.bits);
      continue;
    }
    while (window.count() >= kPeekBits) {
      const Peek& next = window.peek();
      if (next.count == 0) break;
      out = put(out, next);
      window.drop(next.bits);
    }
  }
  return out;
}

}  // namespace

std::optional<std::size_t> huffman_decode(std::span<const std::byte> encoded,
                                          std::span<char> text) {
  assert(text.size() >= huffman_room(encoded.size()));
  Window window(encoded);
  char* out = decode_body(window, text.data());
  if (out != nullptr) out = decode_tail(window, out);
  if (out == nullptr) return std::nullopt;
  return static_cast<std::size_t>(out - text.data());
}

}  // namespace beyla::protocols::http2
