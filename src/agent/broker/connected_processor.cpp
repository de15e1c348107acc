#include "agent/broker/connected_processor.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace beyla::broker {
namespace {

constexpr int kPatienceMs = 2000;  // a service manager that starts a process takes tens of them

base::Result<base::Fd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return base::fail(base::ErrorCode::invalid_argument, path + " is too long for a unix socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  base::Fd channel(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto* const generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  if (!channel.valid() || ::connect(channel.get(), generic, sizeof(address)) != 0) {
    return base::fail_errno(errno, "cannot reach a processor at " + path);
  }
  return channel;
}

base::Result<void> pass_credentials(int channel, int on) {
  if (::setsockopt(channel, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0) return {};
  return base::fail_errno(errno, "cannot learn who the processor is");
}

// The first message, from whoever accepted the connection: the one who listens is the service
// manager. The kernel vouches for the pid.
base::Result<pid_t> receive_hello(int channel, const std::string& path) {
  pollfd waiting{channel, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) <= 0) {
    return base::fail(base::ErrorCode::system, "no processor answers at " + path);
  }
  std::byte hello{};
  iovec content{&hello, sizeof(hello)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(ucred))> control{};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(channel, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  const cmsghdr* const part = CMSG_FIRSTHDR(&header);
  ucred sender{};
  if (got <= 0 || part == nullptr || part->cmsg_level != SOL_SOCKET ||
      part->cmsg_type != SCM_CREDENTIALS || part->cmsg_len < CMSG_LEN(sizeof(sender))) {
    return base::fail(base::ErrorCode::system, "what answers at " + path + " is no processor");
  }
  std::memcpy(&sender, CMSG_DATA(part), sizeof(sender));
  return sender.pid;
}

}  // namespace

base::Result<ProcessorSource::Started> ConnectedProcessor::start() {
  closed_ = false;
  base::Fd channel = TRY(connect_to(path_));
  TRY_VOID(pass_credentials(channel.get(), 1));
  const pid_t pid = TRY(receive_hello(channel.get(), path_));
  TRY_VOID(pass_credentials(channel.get(), 0));
  on_peer_(pid);
  return Started{std::move(channel), pid};
}

base::Result<std::optional<ProcessorEnd>> ConnectedProcessor::read_end() {
  if (!std::exchange(closed_, false)) return std::nullopt;
  return ProcessorEnd{.exit_code = ProcessorEnd::kUnknown};
}

}  // namespace beyla::broker
