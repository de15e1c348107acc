#include "agent/broker/start_kit.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

namespace beyla::broker {
namespace {

using FdsByKind = std::array<int, abi::kStartFds>;

base::Result<void> send_with_fds(int channel, const abi::processor_start& message,
                                 std::span<const int> fds) {
  abi::processor_start copy = message;
  iovec content{&copy, sizeof(copy)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(FdsByKind))> control{};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  if (::sendmsg(channel, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return {};
  return base::fail_errno(errno, "cannot send the start message");
}

}  // namespace

base::Fd open_stat_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  return base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

StartKit::StartKit(std::vector<std::byte> settings, std::size_t cpus, std::string recording_name)
    : settings_(std::move(settings)), cpus_(cpus), recording_name_(std::move(recording_name)) {
  fds_.fill(-1);
}

void StartKit::give(abi::start_fd which, base::Fd fd) {
  lend(which, fd.get());
  owned_.push_back(std::move(fd));
}

base::Result<void> StartKit::send(int channel, pid_t processor) const {
  const base::Fd processor_stat = processor != 0 ? open_stat_of(processor) : base::Fd();
  FdsByKind by_kind = fds_;
  by_kind[abi::kFdProcessorStat] = processor_stat.get();
  abi::processor_start message{};
  message.version = abi::kChannelVersion;
  message.kind = abi::kMessageStart;
  message.length = sizeof(message);
  message.abi_version = abi::kAbiVersion;
  message.cpu_count = static_cast<std::uint32_t>(cpus_);
  std::vector<int> fds;
  for (std::size_t which = 0; which < by_kind.size(); ++which) {
    if (by_kind[which] < 0) continue;
    message.fds_present |= 1U << which;
    fds.push_back(by_kind[which]);
  }
  std::ranges::copy(
      std::span(settings_).first(std::min(settings_.size(), sizeof(message.settings))),
      std::as_writable_bytes(std::span(message.settings)).begin());
  const auto name = std::string_view(recording_name_).substr(0, abi::kRecordingNameBytes - 1);
  std::ranges::copy(name, std::begin(message.recording_name));
  return send_with_fds(channel, message, fds);
}

}  // namespace beyla::broker
