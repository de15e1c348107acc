#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <string_view>

#include "agent/privileges/testing/attacks.h"
#include "base/fd.h"

namespace beyla::agent::privileges::testing {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}
const sockaddr* generic(const sockaddr_in& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}

int make_socket(int family, int type, int protocol) {
  const base::Fd fd(::socket(family, type | SOCK_CLOEXEC, protocol));
  return fd.valid() ? 0 : errno;
}
int packet_socket(const AttackTargets& /*targets*/) { return make_socket(AF_PACKET, SOCK_RAW, 0); }
int netlink_socket(const AttackTargets& /*targets*/) {
  return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
}
int vsock_socket(const AttackTargets& /*targets*/) { return make_socket(AF_VSOCK, SOCK_STREAM, 0); }
int raw_socket(const AttackTargets& /*targets*/) {
  return make_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}
// Landlock knows the ports of TCP only.
int multipath_socket(const AttackTargets& /*targets*/) {
  return make_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

int connect_elsewhere(const AttackTargets& targets) {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const sockaddr_in address = loopback(targets.tcp_port);
  return ::connect(fd.get(), generic(address), sizeof(address)) == 0 ? 0 : errno;
}
int connect_by_sending(const AttackTargets& targets) {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const sockaddr_in address = loopback(targets.tcp_port);
  const ssize_t sent =
      ::sendto(fd.get(), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, generic(address), sizeof(address));
  return sent >= 0 ? 0 : errno;
}
int bind_port(const AttackTargets& /*targets*/) {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const sockaddr_in address = loopback(0);
  return ::bind(fd.get(), generic(address), sizeof(address)) == 0 ? 0 : errno;
}
int listen_anywhere(const AttackTargets& /*targets*/) {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  return ::listen(fd.get(), 1) == 0 ? 0 : errno;
}

sockaddr_un nobody_there() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr std::string_view kPath = "/beyla-attack-no-such-socket";
  kPath.copy(address.sun_path, kPath.size());
  return address;
}
const sockaddr* generic(const sockaddr_un& address) {
  return static_cast<const sockaddr*>(static_cast<const void*>(&address));
}
int connect_locally(const AttackTargets& /*targets*/) {
  const base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  const sockaddr_un address = nobody_there();
  return ::connect(fd.get(), generic(address), sizeof(address)) == 0 ? 0 : errno;
}
// One end of a pair can write to any other socket, too; Landlock knows no sockets with a path.
int send_locally(const AttackTargets& /*targets*/) {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  const base::Fd ours(ends[0]);
  const base::Fd other(ends[1]);
  const sockaddr_un address = nobody_there();
  const ssize_t sent =
      ::sendto(ours.get(), "x", 1, MSG_NOSIGNAL, generic(address), sizeof(address));
  return sent >= 0 ? 0 : errno;
}

constexpr Attack kAttacks[] = {
    {"unix_connect", connect_locally},    {"unix_datagram", send_locally},
    {"af_packet", packet_socket},         {"af_netlink", netlink_socket},
    {"af_vsock", vsock_socket},           {"sock_raw", raw_socket},
    {"mptcp", multipath_socket},          {"tcp_connect", connect_elsewhere},
    {"tcp_fastopen", connect_by_sending}, {"tcp_bind", bind_port},
    {"tcp_listen", listen_anywhere},
};

}  // namespace

std::span<const Attack> attacks_on_the_network() { return kAttacks; }

}  // namespace beyla::agent::privileges::testing
