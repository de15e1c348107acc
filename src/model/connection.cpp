#include "model/connection.h"

#include <arpa/inet.h>

#include <algorithm>

namespace beyla::model {
namespace {

constexpr std::array<std::uint8_t, 12> kV4MappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kV4LoopbackNet = 127;  // RFC 1122 §3.2.1.3

}  // namespace

bool IpAddress::is_v4_mapped() const {
  return std::equal(kV4MappedPrefix.begin(), kV4MappedPrefix.end(), bytes.begin());
}

bool IpAddress::is_loopback() const {
  if (is_v4_mapped()) return bytes[kV4MappedPrefix.size()] == kV4LoopbackNet;
  return std::all_of(bytes.begin(), bytes.end() - 1, [](auto b) { return b == 0; }) &&
         bytes.back() == 1;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4_mapped()) {
    inet_ntop(AF_INET, bytes.data() + kV4MappedPrefix.size(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  }
  return text.data();
}

}  // namespace beyla::model
