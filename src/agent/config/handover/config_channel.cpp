#include "agent/config/handover/config_channel.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <vector>

#include "base/wait_readable.h"

namespace beyla::agent::config {

using base::fail_errno;
using base::Result;

namespace {

Result<void> send_datagram(int channel, std::span<const std::byte> bytes, const char* what) {
  while (::send(channel, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return fail_errno(errno, what);
  }
  return {};
}

// One datagram. A longer one than asked for shows as one byte more.
Result<std::vector<std::byte>> receive_datagram(int channel, std::size_t size, const char* what) {
  std::vector<std::byte> bytes(size + 1);
  ssize_t got = 0;
  do {
    got = ::recv(channel, bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno(errno, what);
  if (got == 0) return fail_errno(ECONNRESET, what);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

}  // namespace

Result<void> send_config_request(int channel, std::optional<std::string_view> path) {
  const abi::config_request request = encode_config_request(path);
  return send_datagram(channel, std::as_bytes(std::span(&request, 1)),
                       "cannot ask the configuration worker");
}

Result<LoadedConfig> receive_config(int channel, std::chrono::steady_clock::time_point deadline) {
  constexpr const char* kWhat = "no answer from the configuration worker";
  const int unreadable = base::wait_readable(channel, deadline);
  if (unreadable != 0) return fail_errno(unreadable, kWhat);
  const auto bytes = TRY(receive_datagram(channel, sizeof(abi::config_answer), kWhat));
  return decode_config_answer(bytes);
}

Result<std::optional<std::string>> receive_config_request(int channel) {
  const auto bytes =
      TRY(receive_datagram(channel, sizeof(abi::config_request), "no request from the broker"));
  return decode_config_request(bytes);
}

Result<void> send_config_answer(int channel, const abi::config_answer& answer) {
  return send_datagram(channel, std::as_bytes(std::span(&answer, 1)), "cannot answer the broker");
}

}  // namespace beyla::agent::config
