// For tests of HPACK: bytes from text as RFC 7541 Appendix C prints them, and a sink that keeps.
// One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "protocols/http2/hpack_decoder.h"

namespace beyla::protocols::http2 {

// A field as it was told, "?" where unknown.
struct ToldField {
  std::optional<std::string> name;
  std::optional<std::string> value;

  bool operator==(const ToldField&) const = default;
};

inline void PrintTo(const ToldField& field, std::ostream* out) {
  *out << field.name.value_or("?") << ": " << field.value.value_or("?");
}

using ToldFields = std::vector<ToldField>;

struct ToldFieldSink final : HeaderFieldSink {
  void on_field(const HeaderField& field) override {
    fields.push_back({text(field.name), text(field.value)});
  }
  static std::optional<std::string> text(const std::optional<std::string_view>& view) {
    if (!view) return std::nullopt;
    return std::string(*view);
  }
  ToldFields fields;
};

// Hexadecimal digits, blanks anywhere.
inline std::string from_hex(std::string_view hex) {
  std::string digits;
  for (const char letter : hex) {
    if (letter != ' ' && letter != '\n') digits += letter;
  }
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// nullopt: refused.
inline std::optional<ToldFields> decode(HpackDecoder& decoder, std::string_view block) {
  ToldFieldSink sink;
  if (!decoder.decode(base::as_bytes(block), sink)) return std::nullopt;
  return sink.fields;
}

}  // namespace beyla::protocols::http2
