#include "agent/broker/target_channel.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "capture/target_messages.h"

namespace beyla::agent {

base::Result<std::pair<base::Fd, base::Fd>> make_target_channel() {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    return base::fail_errno(errno, "cannot make a socket pair");
  }
  return std::pair(base::Fd(fds[0]), base::Fd(fds[1]));
}

void TargetSender::on_selected(const model::TargetProcess& target, base::BootTime time) {
  send(abi::kTargetSelected, target.key, time, target.service.name);
}
void TargetSender::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  send(abi::kTargetRejected, key, time, "");
}
void TargetSender::on_exited(const model::ProcessKey& key, base::BootTime time) {
  send(abi::kTargetExited, key, time, "");
}

void TargetSender::send(abi::target_change change, const model::ProcessKey& key,
                        base::BootTime time, const std::string& service_name) {
  const abi::target_message message = capture::make_target_message(change, key, time, service_name);
  while (::send(fd_.get(), &message, sizeof(message), MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    spdlog::error("the pipeline cannot be told of process {}: {}", key.pid, std::strerror(errno));
    return;
  }
}

void receive_targets(int fd, model::TargetSink& sink) {
  abi::target_message message{};
  ssize_t got = 0;
  while ((got = ::recv(fd, &message, sizeof(message), MSG_DONTWAIT)) > 0) {
    const auto bytes = std::as_bytes(std::span(&message, 1));
    if (!capture::decode_target_message(bytes.first(static_cast<std::size_t>(got)), sink)) {
      spdlog::error("a message from the control side is not understood");
    }
  }
}

}  // namespace beyla::agent
