#include "agent/processor/start.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

namespace beyla::processor {
namespace {

base::Result<void> wait_readable(int channel, std::chrono::milliseconds patience) {
  pollfd waiting{channel, POLLIN, 0};
  const int ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
  if (ready < 0) return base::fail_errno(errno, "cannot wait for the broker");
  if (ready == 0) return base::fail(base::ErrorCode::system, "the broker says nothing");
  return {};
}

// Of one message; owns what came, also where the message is refused.
std::vector<base::Fd> take_fds(msghdr& header) {
  std::vector<base::Fd> fds;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(fd));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

bool is_whole(const abi::processor_start& message) {
  constexpr std::uint32_t kAllFds = (1U << abi::kStartFds) - 1;
  return message.version == abi::kChannelVersion && message.kind == abi::kMessageStart &&
         message.length == sizeof(message) && message.abi_version == abi::kAbiVersion &&
         (message.fds_present & abi::kStartFdsRequired) == abi::kStartFdsRequired &&
         (message.fds_present & ~kAllFds) == 0 && message.cpu_count > 0;
}

base::Result<Start> to_start(const abi::processor_start& message, std::vector<base::Fd> fds) {
  Start start;
  auto next = fds.begin();
  for (std::size_t which = 0; which < start.fds.size(); ++which) {
    if ((message.fds_present >> which & 1U) == 0) continue;
    if (next == fds.end()) {
      return base::fail(base::ErrorCode::system, "the broker's message lacks a descriptor");
    }
    start.fds[which] = std::move(*next++);
  }
  start.cpus = message.cpu_count;
  const auto settings = std::as_bytes(std::span(message.settings));
  start.settings.assign(settings.begin(), settings.end());
  const auto* const name_end = std::ranges::find(message.recording_name, std::uint8_t{0});
  start.recording_name.assign(std::begin(message.recording_name), name_end);
  return start;
}

}  // namespace

base::Result<Start> receive_start(int channel, std::chrono::milliseconds patience) {
  TRY_VOID(wait_readable(channel, patience));
  abi::processor_start message{};
  iovec content{&message, sizeof(message)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * abi::kStartFds)> control{};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC);
  if (got < 0) return base::fail_errno(errno, "cannot receive from the broker");
  auto fds = take_fds(header);
  if (got == 0) return base::fail(base::ErrorCode::system, "the broker is gone");
  const bool cut = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  if (cut || got != sizeof(message) || !is_whole(message)) {
    return base::fail(base::ErrorCode::system, "the broker speaks another version");
  }
  return to_start(message, std::move(fds));
}

}  // namespace beyla::processor
