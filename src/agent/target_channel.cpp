#include "agent/target_channel.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "abi/messages.h"

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

void TargetSender::send(std::uint32_t change, const model::ProcessKey& key, base::BootTime time,
                        const std::string& service_name) {
  abi::target_message message{};
  message.version = abi::kAbiVersion;
  message.change = change;
  message.time_ns = static_cast<std::uint64_t>(time.time_since_epoch().count());
  message.process = {key.pid, key.exec_generation, key.start_ns};
  const std::size_t length = std::min<std::size_t>(service_name.size(), abi::kServiceNameBytes - 1);
  std::memcpy(message.service_name, service_name.data(), length);
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
    if (got != sizeof(message) || message.version != abi::kAbiVersion) continue;
    const model::ProcessKey key{message.process.pid, message.process.exec_generation,
                                message.process.start_ns};
    const base::BootTime time{std::chrono::nanoseconds(message.time_ns)};
    const auto* name = reinterpret_cast<const char*>(message.service_name);
    switch (message.change) {
      case abi::kTargetSelected:
        sink.on_selected({key, {std::string(name, strnlen(name, abi::kServiceNameBytes))}}, time);
        break;
      case abi::kTargetRejected: sink.on_rejected(key, time); break;
      case abi::kTargetExited: sink.on_exited(key, time); break;
      default: break;
    }
  }
}

}  // namespace beyla::agent
