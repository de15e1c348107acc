#include "base/terminal_text.h"

#include <algorithm>
#include <cstdint>

#include "base/utf8.h"

namespace beyla::base {
namespace {

constexpr std::string_view kCut = "\xe2\x80\xa6";  // "…"

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

// One well-formed code point.
bool is_shown(std::string_view code_point) {
  const std::uint8_t first = byte_at(code_point, 0);
  if (code_point.size() == 1) return first >= 0x20 && first != 0x7f;
  if (code_point.size() == 2) return first != 0xc2 || byte_at(code_point, 1) >= 0xa0;
  // U+2028 to U+202E, U+2066 to U+2069.
  const std::string_view start = code_point.substr(0, 2);
  const std::uint8_t third = byte_at(code_point, 2);
  if (start == "\xe2\x80") return third < 0xa8 || third > 0xae;
  return start != "\xe2\x81" || third < 0xa6 || third > 0xa9;
}

std::string escaped(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const unsigned byte = byte_at(bytes, at);
    text += "\\x";
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace

std::string to_terminal_text(std::string_view raw, std::size_t max_bytes, LineBreaks line_breaks) {
  std::string text;
  std::size_t whole = 0;  // how much of the text leaves room for the mark of a cut
  while (!raw.empty()) {
    const std::size_t length = utf8_length(raw);
    const std::string_view piece = raw.substr(0, std::max<std::size_t>(length, 1));
    raw.remove_prefix(piece.size());
    const bool kept = line_breaks == LineBreaks::kept && piece == "\n";
    const bool shown = kept || (length != 0 && is_shown(piece));
    text += shown ? std::string(piece) : escaped(piece);
    if (text.size() > max_bytes) return text.substr(0, whole).append(kCut);
    if (text.size() + kCut.size() <= max_bytes) whole = text.size();
  }
  return text;
}

}  // namespace beyla::base
