// Tells layouts apart that differ by mistake or by version; no protection against intent.
// FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace beyla::base {

class Fingerprint {
 public:
  // Each with its end: "ab", "c" is not "a", "bc".
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
    add(text.size());
  }
  void add(std::uint64_t number) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
      add_byte(static_cast<unsigned char>(number >> shift));
    }
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  static constexpr std::uint64_t kPrime = 0x0000'0100'0000'01b3;
  void add_byte(unsigned char byte) { hash_ = (hash_ ^ byte) * kPrime; }

  std::uint64_t hash_ = 0xcbf2'9ce4'8422'2325;  // FNV's offset basis
};

}  // namespace beyla::base
