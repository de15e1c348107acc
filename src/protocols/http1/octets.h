// Classes of octets that HTTP/1 is made of. Immutable; any thread.
#pragma once

#include <array>
#include <string_view>

namespace beyla::protocols::http1 {

// RFC 9110 §5.6.2: tchar.
[[nodiscard]] constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (const char letter : std::string_view{"!#$%&'*+-.^_`|~0123456789"
                                            "abcdefghijklmnopqrstuvwxyz"
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}) {
    table[static_cast<unsigned char>(letter)] = true;
  }
  return table;
}
inline constexpr std::array<bool, 256> kTokenTable = make_token_table();

[[nodiscard]] constexpr bool is_token_octet(char letter) {
  return kTokenTable[static_cast<unsigned char>(letter)];
}
// RFC 3986 allows less in a target; servers take any octet that cannot end it.
[[nodiscard]] constexpr bool is_target_octet(char letter) {
  constexpr unsigned char kFirstVisible = 0x21;
  constexpr unsigned char kDelete = 0x7f;
  const auto octet = static_cast<unsigned char>(letter);
  return octet >= kFirstVisible && octet != kDelete;
}
// Of the methods that we would know: all of those registered with IANA are made of these.
[[nodiscard]] constexpr bool is_method_letter(char letter) {
  return (letter >= 'A' && letter <= 'Z') || letter == '-' || letter == '_';
}
[[nodiscard]] constexpr bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }
[[nodiscard]] constexpr char to_lower(char letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

}  // namespace beyla::protocols::http1
