#include "export/console/server_name.h"

#include <charconv>
#include <optional>
#include <system_error>

namespace beyla::exporters::console {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, port);
  if (error != std::errc{} || end != last || port == 0) return std::nullopt;
  return port;
}

}  // namespace

ServerName split_server_name(std::string_view name) {
  const std::size_t bracket = name.find(']');
  const bool is_bracketed = name.starts_with('[') && bracket != std::string_view::npos;
  const std::string_view rest = is_bracketed ? name.substr(bracket + 1) : name;
  const std::size_t colon = rest.find(':');
  const bool has_one_colon = colon != std::string_view::npos && colon == rest.rfind(':');
  if (is_bracketed && rest.empty()) return {name.substr(1, bracket - 1), 0};
  if (!has_one_colon || (is_bracketed && colon != 0)) return {name, 0};
  const auto port = parse_port(rest.substr(colon + 1));
  if (!port) return {name, 0};
  return {is_bracketed ? name.substr(1, bracket - 1) : rest.substr(0, colon), *port};
}

}  // namespace beyla::exporters::console
