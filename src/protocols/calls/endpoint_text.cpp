#include "protocols/calls/endpoint_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace beyla::protocols::calls {
namespace {

constexpr std::size_t kMappedPrefixBytes = 12;  // RFC 4291 §2.5.5.2

std::optional<model::IpAddress> parse_address(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.contains('\0')) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  model::IpAddress address;
  if (::inet_pton(AF_INET6, terminated.data(), address.bytes.data()) == 1) return address;
  address.bytes[kMappedPrefixBytes - 2] = address.bytes[kMappedPrefixBytes - 1] = 0xff;
  if (::inet_pton(AF_INET, terminated.data(), &address.bytes[kMappedPrefixBytes]) != 1) {
    return std::nullopt;
  }
  return address;
}

}  // namespace

std::optional<model::Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  if (in_brackets) host = host.substr(1, host.size() - 2);
  if (in_brackets != host.contains(':')) return std::nullopt;
  const auto address = parse_address(host.substr(0, host.find('%')));
  if (!address) return std::nullopt;
  return model::Endpoint{*address, port};
}

}  // namespace beyla::protocols::calls
