#include "export/prometheus/listen_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

namespace beyla::exporters::prometheus {
namespace {

constexpr int kBacklog = 64;  // as many as ScrapeServer serves at a time

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  [[nodiscard]] const sockaddr* generic() const {
    return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
  }
  template <typename T>
  void assign(const T& address) {
    std::memcpy(&storage, &address, sizeof(address));
    bytes = sizeof(address);
  }
};

std::optional<SocketAddress> parse_address(const std::string& text, std::uint16_t port) {
  SocketAddress result;
  sockaddr_in6 v6{};
  sockaddr_in v4{};
  if (text.empty() || inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    result.assign(v6);
  } else if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    result.assign(v4);
  } else {
    return std::nullopt;
  }
  return result;
}

// 0, or errno of what failed.
int open_listening(const SocketAddress& address, base::Fd& result) {
  const int family = address.storage.ss_family;
  base::Fd fd(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const int on = 1;
  const int off = 0;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) return errno;
  if (family == AF_INET6 &&
      setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) {
    return errno;
  }
  if (bind(fd.get(), address.generic(), address.bytes) != 0) return errno;
  if (listen(fd.get(), kBacklog) != 0) return errno;
  result = std::move(fd);
  return 0;
}

// No IPv6 in the kernel, or switched off by net.ipv6.conf.all.disable_ipv6.
bool means_no_ipv6(int error) { return error == EAFNOSUPPORT || error == EADDRNOTAVAIL; }

std::uint16_t bound_port(int fd) {
  SocketAddress address;
  address.bytes = sizeof(address.storage);
  getsockname(fd, static_cast<sockaddr*>(static_cast<void*>(&address.storage)), &address.bytes);
  sockaddr_in v4{};  // the port stands at the same place in sockaddr_in6
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(&v4, &address.storage, sizeof(v4));
  return ntohs(v4.sin_port);
}

std::string shown(const std::string& address, std::uint16_t port) {
  if (address.empty()) return fmt::format("*:{}", port);
  const bool is_v6 = address.find(':') != std::string::npos;
  return is_v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

std::string_view advice(int error) {
  if (error == EADDRINUSE || error == EACCES) return ": choose another BEYLA_PROMETHEUS_PORT";
  if (error == EADDRNOTAVAIL) return ": choose an address of this machine";
  return "";
}

}  // namespace

base::Result<ListenSocket> listen_for_scrapes(const std::string& address, std::uint16_t port,
                                              std::string_view path) {
  const std::string what = fmt::format("cannot listen on {} for {}: ", shown(address, port), path);
  const auto wanted = parse_address(address, port);
  if (!wanted) return base::fail(base::ErrorCode::invalid_argument, what + "not an IP address");
  ListenSocket result;
  int error = open_listening(*wanted, result.fd);
  if (address.empty() && means_no_ipv6(error)) {
    error = open_listening(*parse_address("0.0.0.0", port), result.fd);
  }
  if (error != 0) {
    return base::fail(base::ErrorCode::invalid_argument,
                      fmt::format("{}{}{}", what, std::strerror(error), advice(error)));
  }
  result.port = bound_port(result.fd.get());
  return result;
}

void listen_again(int fd) {
  // Where it fails, scrapes do: there is nothing better to do than to go on without.
  static_cast<void>(::listen(fd, kBacklog));
}

}  // namespace beyla::exporters::prometheus
