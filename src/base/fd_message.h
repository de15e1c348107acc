// Datagrams with file descriptors (SCM_RIGHTS) over a connected unix socket. Never blocks, never
// raises SIGPIPE, allocates nothing. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <span>

#include "base/fd.h"

namespace beyla::base {

inline constexpr std::size_t kMaxMessageFds = 17;

struct ReceivedMessage {
  std::size_t bytes = 0;  // 0: an empty datagram, or the end of the stream: poll tells them apart
  bool cut = false;       // bytes or fds were lost: MSG_TRUNC, MSG_CTRUNC
  std::size_t fd_count = 0;
  std::array<Fd, kMaxMessageFds> fds;  // close-on-exec
};

// 0 or an errno: EAGAIN when the socket is full, EPIPE when nobody reads any more.
// REQUIRES: fds.size() <= kMaxMessageFds.
[[nodiscard]] int send_message(int socket, std::span<const std::byte> bytes,
                               std::span<const int> fds);

// Error: an errno, EAGAIN when nothing waits. Every fd that came is in the result.
[[nodiscard]] std::expected<ReceivedMessage, int> receive_message(int socket,
                                                                  std::span<std::byte> buffer);

}  // namespace beyla::base
