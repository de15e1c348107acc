#include "export/text/label_text.h"

#include <algorithm>

#include "base/utf8.h"

namespace beyla::exporters::text {
namespace {

constexpr std::string_view kReplacement = "\ufffd";

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

}  // namespace

std::string to_label_text(std::string_view raw) {
  if (raw.size() <= kMaxLabelBytes && std::ranges::all_of(raw, is_ascii)) return std::string(raw);
  std::string text;
  std::size_t used = 0;
  while (used < raw.size()) {
    const std::size_t length = base::utf8_length(raw.substr(used));
    const std::size_t taken = std::max<std::size_t>(length, 1);
    if (used + taken > kMaxLabelBytes) break;
    text += length == 0 ? kReplacement : raw.substr(used, length);
    used += taken;
  }
  return text;
}

bool is_label_text(std::string_view text) {
  std::size_t raw_bytes = 0;  // at least
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    if (length == 0) return false;
    raw_bytes += text.substr(0, length) == kReplacement ? 1 : length;
    if (raw_bytes > kMaxLabelBytes) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace beyla::exporters::text
