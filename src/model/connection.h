// One TCP connection as the kernel names it. Plain data, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace beyla::model {

// Network order, IPv4 as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2).
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
  [[nodiscard]] bool is_v4_mapped() const;
  [[nodiscard]] bool is_loopback() const;
  // "127.0.0.1" for mapped addresses, RFC 5952 text otherwise; no brackets.
  [[nodiscard]] std::string to_string() const;
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;  // host order
};

enum class Role : std::uint8_t { unknown, client, server };
enum class Direction : std::uint8_t { received, sent };  // as the watched process sees it

// The kernel's socket cookie, or that of plaintext (abi/tls_calls.h): never reused until reboot.
using ConnectionId = std::uint64_t;

// Where a policy for this connection is written; see capture_policy.h.
struct PolicySlot {
  static constexpr std::uint32_t kNone = 0xffffffff;
  std::uint32_t index = kNone;
  std::uint32_t generation = 0;
};

// What is below plaintext of that id; 0: it is a socket's own.
[[nodiscard]] constexpr ConnectionId carrier_of(ConnectionId id) {
  constexpr ConnectionId kPlaintext = ConnectionId{1} << 63U;
  constexpr ConnectionId kCookies = (ConnectionId{1} << 48U) - 1;
  return (id & kPlaintext) != 0 ? id & kCookies : 0;
}

struct ConnectionInfo {
  ConnectionId id = 0;
  Role role = Role::unknown;
  bool seen_from_start = false;  // false: stream offset 0 is only where we joined
  Endpoint local;
  Endpoint remote;
  PolicySlot slot;
  ConnectionId carrier = 0;  // plaintext of TLS: of the socket that it travels on

  [[nodiscard]] bool encrypted() const { return carrier != 0; }
};

}  // namespace beyla::model
