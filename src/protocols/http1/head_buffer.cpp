#include "protocols/http1/head_buffer.h"

#include <algorithm>
#include <string_view>

#include "base/byte_reader.h"
#include "protocols/http1/head_scanner.h"

namespace beyla::protocols::http1 {
namespace {

// Position after the empty line, or npos; resume becomes the first position worth another look.
std::size_t find_head_end(std::string_view text, std::size_t& resume) {
  constexpr std::string_view kLineEnd = "\r\n";
  for (auto feed = text.find('\n', resume); feed != std::string_view::npos;
       feed = text.find('\n', feed + 1)) {
    const std::string_view rest = text.substr(feed + 1);
    if (rest.starts_with('\n')) return feed + 2;
    if (rest.starts_with(kLineEnd)) return feed + 1 + kLineEnd.size();
    if (rest.empty() || rest == "\r") {
      resume = feed;
      return std::string_view::npos;
    }
  }
  resume = text.size();
  return std::string_view::npos;
}

}  // namespace

HeadBuffer::Fed HeadBuffer::feed(std::span<const std::byte> bytes) {
  const std::size_t before = copy_.size();
  const std::size_t room = kMaxHeadBytes - before;
  const std::span<const std::byte> taken = bytes.first(std::min(bytes.size(), room));
  if (before != 0) copy_.append(taken);
  const std::span<const std::byte> all = before != 0 ? this->bytes() : taken;
  const std::size_t end = find_head_end(base::as_text(all), resume_);
  if (end != std::string_view::npos) return {Status::complete, all.first(end), end - before};
  if (all.size() == kMaxHeadBytes) return {Status::too_long, all, taken.size()};
  if (before == 0) copy_.append(taken);
  return {Status::incomplete, this->bytes(), taken.size()};
}

std::span<const std::byte> HeadBuffer::bytes() const { return copy_.view(); }

void HeadBuffer::clear() {
  copy_.clear();
  resume_ = 0;
}

}  // namespace beyla::protocols::http1
