#include "protocols/calls/head_trace_parent.h"

#include <algorithm>
#include <cstddef>

namespace beyla::protocols::calls {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kName = "traceparent";

char to_lower(char letter) {
  constexpr char kCaseBit = 0x20;
  return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | kCaseBit) : letter;
}

bool is_blank(char letter) { return letter == ' ' || letter == '\t'; }

bool is_request_line(std::string_view line) {
  return line.ends_with(" HTTP/1.1") || line.ends_with(" HTTP/1.0");
}

bool is_trace_parent(std::string_view line) {
  return line.size() > kName.size() && line[kName.size()] == ':' &&
         std::ranges::equal(line.substr(0, kName.size()), kName, {}, to_lower);
}

std::string_view value_of(std::string_view line) {
  line.remove_prefix(kName.size() + 1);
  while (!line.empty() && is_blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  return line;
}

}  // namespace

std::string_view trace_parent_in_head(std::string_view text) {
  if (!text.ends_with("\r\n\r\n")) return {};
  text.remove_suffix(kLineEnd.size());
  std::string_view found;
  std::size_t count = 0;
  // From the last line back. What no line of a head is (folded ones are obsolete, RFC 9112, 5.2)
  // makes it doubtful.
  while (text.ends_with(kLineEnd)) {
    text.remove_suffix(kLineEnd.size());
    const std::size_t before = text.rfind('\n');
    const auto line = before == std::string_view::npos ? text : text.substr(before + 1);
    if (is_request_line(line)) return count == 1 ? found : std::string_view{};
    if (line.empty() || is_blank(line.front())) return {};
    if (is_trace_parent(line)) {
      found = value_of(line);
      ++count;
    }
    text.remove_suffix(line.size());
  }
  return {};
}

}  // namespace beyla::protocols::calls
