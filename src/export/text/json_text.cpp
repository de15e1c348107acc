#include "export/text/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "base/utf8.h"

namespace beyla::exporters::text {
namespace {

constexpr std::string_view kReplacement = "\ufffd";

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\';
}

void append_escaped(std::string& out, std::uint32_t code_unit) {
  fmt::format_to(std::back_inserter(out), "\\u{:04x}", code_unit);
}

void append_ascii(std::string& out, char c) {
  if (c == '"' || c == '\\') {
    out.push_back('\\');
    out.push_back(c);
  } else {
    append_escaped(out, static_cast<unsigned char>(c));
  }
}

bool is_c1(std::string_view code_point) {  // U+0080 to U+009F
  return code_point >= "\u0080" && code_point <= "\u009f";
}

void append_code_point(std::string& out, std::string_view bytes) {
  if (bytes.size() == 2 && is_c1(bytes)) {
    append_escaped(out, static_cast<unsigned char>(bytes[1]));  // C2 80 is U+0080
  } else if (bytes == "\u2028" || bytes == "\u2029") {
    out += bytes == "\u2028" ? "\\u2028" : "\\u2029";
  } else {
    out += bytes;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view raw) {
  out.push_back('"');
  while (!raw.empty()) {
    const auto plain =
        static_cast<std::size_t>(std::ranges::find_if_not(raw, is_plain) - raw.begin());
    out += raw.substr(0, plain);
    raw.remove_prefix(plain);
    if (raw.empty()) break;
    const std::size_t length = base::utf8_length(raw);
    if (length == 0) {
      out += kReplacement;
    } else if (length == 1) {
      append_ascii(out, raw.front());
    } else {
      append_code_point(out, raw.substr(0, length));
    }
    raw.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out.push_back('"');
}

}  // namespace beyla::exporters::text
