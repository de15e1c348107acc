// Machine code written in tests as text: "48 3b ; comment", jumps and calls as bytes, too.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace beyla::probes::x86::testing {

// Hexadecimal bytes; from a ';' to the end of its line is for people.
inline std::vector<std::byte> code_of(std::string_view text) {
  std::vector<std::byte> code;
  while (!text.empty()) {
    if (text.front() == ';') text.remove_prefix(std::min(text.find('\n'), text.size()));
    if (text.empty()) break;
    unsigned value = 0;
    const auto end = text.data() + std::min<std::size_t>(2, text.size());
    if (std::from_chars(text.data(), end, value, 16).ptr == end) {
      code.push_back(static_cast<std::byte>(value));
      text.remove_prefix(2);
    } else {
      text.remove_prefix(1);
    }
  }
  return code;
}

}  // namespace beyla::probes::x86::testing
