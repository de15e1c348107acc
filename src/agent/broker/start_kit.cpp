#include "agent/broker/start_kit.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "base/fd_message.h"

namespace beyla::broker {

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
  auto by_kind = fds_;
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
  if (const int error = base::send_message(channel, std::as_bytes(std::span(&message, 1)), fds);
      error != 0) {
    return base::fail_errno(error, "cannot send the start message");
  }
  return {};
}

}  // namespace beyla::broker
