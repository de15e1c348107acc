#include "agent/processor/start.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <span>

#include "base/fd_message.h"
#include "base/wait_readable.h"

namespace beyla::processor {
namespace {

bool is_whole(const abi::processor_start& message) {
  constexpr std::uint32_t kAllFds = (1U << abi::kStartFds) - 1;
  return message.version == abi::kChannelVersion && message.kind == abi::kMessageStart &&
         message.length == sizeof(message) && message.abi_version == abi::kAbiVersion &&
         (message.fds_present & abi::kStartFdsRequired) == abi::kStartFdsRequired &&
         (message.fds_present & ~kAllFds) == 0 && message.cpu_count > 0;
}

// REQUIRES: as many descriptors as are present.
Start to_start(const abi::processor_start& message, std::span<base::Fd> fds) {
  Start start;
  auto next = fds.begin();
  for (std::size_t which = 0; which < start.fds.size(); ++which) {
    if ((message.fds_present >> which & 1U) != 0) start.fds[which] = std::move(*next++);
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
  static_assert(abi::kStartFds <= base::kMaxMessageFds);
  const int silent = base::wait_readable(channel, std::chrono::steady_clock::now() + patience);
  if (silent == ETIMEDOUT) return base::fail(base::ErrorCode::system, "the broker says nothing");
  if (silent != 0) return base::fail_errno(silent, "cannot wait for the broker");
  abi::processor_start message{};
  auto received = base::receive_message(channel, std::as_writable_bytes(std::span(&message, 1)));
  if (!received) return base::fail_errno(received.error(), "cannot receive from the broker");
  if (received->bytes == 0) return base::fail(base::ErrorCode::system, "the broker is gone");
  if (received->cut || received->bytes != sizeof(message) || !is_whole(message)) {
    return base::fail(base::ErrorCode::system, "the broker speaks another version");
  }
  const auto fds = std::span(received->fds).first(received->fd_count);
  if (fds.size() != static_cast<std::size_t>(std::popcount(message.fds_present))) {
    return base::fail(base::ErrorCode::system, "the broker's message lacks a descriptor");
  }
  return to_start(message, fds);
}

}  // namespace beyla::processor
