#include "agent/config/handover/fields.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace beyla::agent::config {

std::unexpected<base::Error> not_understood(std::string_view message, std::string_view field) {
  std::string context(message);
  context.append(": ").append(field);
  return base::fail_errno(EBADMSG, std::move(context));
}

void write_text(std::span<std::uint8_t> field, std::string_view text) {
  assert(text.size() < field.size() && text.find('\0') == std::string_view::npos);
  const std::size_t length = std::min(text.size(), field.size() - 1);
  std::memset(field.data(), 0, field.size());
  std::memcpy(field.data(), text.data(), length);
}

std::optional<std::string> read_text(std::span<const std::uint8_t> field) {
  const std::string_view bytes = base::as_text(std::as_bytes(field));
  const std::size_t end = bytes.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  // Zero up to the end: each byte equals the one before it.
  const std::string_view padding = bytes.substr(end);
  if (padding.substr(1) != padding.substr(0, padding.size() - 1)) return std::nullopt;
  return std::string(bytes.substr(0, end));
}

}  // namespace beyla::agent::config
