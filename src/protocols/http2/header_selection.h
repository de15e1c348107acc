// Which header fields somebody wants the values of. Other values are neither decoded nor copied:
// most of the work and most of the secrets (cookies, tokens) are in those. Made by the compiler,
// any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "protocols/http2/hpack_static_table.h"

namespace beyla::protocols::http2 {

class HeaderSelection {
 public:
  // All fields.
  constexpr HeaderSelection() : static_fields_(~std::uint64_t{0}), all_(true) {}
  // names: in lower case, as they are sent (RFC 9113 §8.2); they outlive this.
  constexpr explicit HeaderSelection(std::span<const std::string_view> names) : names_(names) {
    for (const std::string_view name : names) lengths_ |= length_bit(name);
    for (std::uint32_t i = 0; i < kStaticFields; ++i) {
      static_fields_ |= std::uint64_t{wants(*kStaticTable[i].name)} << i;
    }
  }

  [[nodiscard]] constexpr bool all() const { return all_; }
  [[nodiscard]] constexpr bool wants(std::string_view name) const {
    if (all_) return true;
    if ((lengths_ & length_bit(name)) == 0) return false;
    for (const std::string_view wanted : names_) {
      if (wanted == name) return true;
    }
    return false;
  }
  // REQUIRES: an index of the static table, from 1.
  [[nodiscard]] constexpr bool wants_static(std::uint32_t index) const {
    return (static_fields_ >> (index - 1) & 1U) != 0;
  }

 private:
  static constexpr std::uint64_t length_bit(std::string_view name) {
    return std::uint64_t{1} << name.size() % 64;
  }

  std::span<const std::string_view> names_;
  std::uint64_t lengths_ = 0;
  std::uint64_t static_fields_ = 0;
  bool all_ = false;
};

inline constexpr HeaderSelection kEveryHeader;

}  // namespace beyla::protocols::http2
