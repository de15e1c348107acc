#include "base/fd_message.h"

#include <sys/socket.h>

#include <cassert>
#include <cerrno>
#include <cstring>

namespace beyla::base {
namespace {

constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(int) * kMaxMessageFds);

void take_fds(const cmsghdr& header, const unsigned char* data, ReceivedMessage& message) {
  const std::size_t count = (header.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    std::memcpy(&fd, data + i * sizeof(int), sizeof(int));
    Fd owned(fd);  // closed here when there is no room for it
    if (message.fd_count == kMaxMessageFds) {
      message.cut = true;
    } else {
      message.fds[message.fd_count++] = std::move(owned);
    }
  }
}

}  // namespace

int send_message(int socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  assert(fds.size() <= kMaxMessageFds);
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<unsigned char, kControlBytes> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? errno : 0;
}

std::expected<ReceivedMessage, int> receive_message(int socket, std::span<std::byte> buffer) {
  iovec piece{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<unsigned char, kControlBytes> control{};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = -1;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return std::unexpected(errno);
  ReceivedMessage message;
  message.bytes = static_cast<std::size_t>(got);
  message.cut = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (cmsghdr* each = CMSG_FIRSTHDR(&header); each != nullptr; each = CMSG_NXTHDR(&header, each)) {
    if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS) {
      take_fds(*each, CMSG_DATA(each), message);
    }
  }
  return message;
}

}  // namespace beyla::base
