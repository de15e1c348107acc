#include "agent/config/handover/setting_limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>

namespace beyla::agent::config {

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
}

bool is_url_path(std::string_view text) {
  return text.starts_with('/') && text.find_first_of(" ?#") == std::string_view::npos &&
         !has_control_character(text);
}

bool is_ip_address(std::string_view text) {
  if (text.size() >= abi::kIpTextBytes || text.find('\0') != std::string_view::npos) return false;
  const std::string address(text);
  in6_addr scratch{};  // large enough for either family
  return ::inet_pton(AF_INET, address.c_str(), &scratch) == 1 ||
         ::inet_pton(AF_INET6, address.c_str(), &scratch) == 1;
}

}  // namespace beyla::agent::config
