#include "agent/pwned/hostile_requests.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "abi/requests.h"

namespace beyla::agent::pwned {
namespace {

constexpr int kMany = 1'000'000;
constexpr std::size_t kOversized = 64UL << 10U;
constexpr int kPatienceMs = 5000;

abi::processor_request request_for(const abi::process_key& process, std::uint32_t probe_set) {
  abi::processor_request request{};
  request.version = abi::kChannelVersion;
  request.kind = abi::kRequestProbes;
  request.length = sizeof(request);
  request.probe_set = probe_set;
  request.process = process;
  return request;
}

bool send_all(int channel, std::span<const std::byte> bytes) {
  return ::send(channel, bytes.data(), bytes.size(), MSG_NOSIGNAL) >= 0;
}

bool send_request(int channel, const abi::processor_request& request) {
  return send_all(channel, std::as_bytes(std::span(&request, 1)));
}

std::optional<std::vector<std::byte>> receive(int channel, int flags) {
  std::vector<std::byte> bytes(sizeof(abi::target_message));
  const ssize_t got = ::recv(channel, bytes.data(), bytes.size(), flags);
  if (got <= 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

void read_all(int channel) {
  while (receive(channel, MSG_DONTWAIT)) {
  }
}

int send_many(int channel, std::size_t bytes) {
  std::mt19937 random(20'230'419);
  std::vector<std::byte> datagram(bytes);
  for (int i = 0; i < kMany; ++i) {
    for (auto& byte : datagram) byte = static_cast<std::byte>(random());
    if (!send_all(channel, datagram)) return 1;
  }
  return 0;
}

// The first target that the broker names.
abi::process_key await_target(int channel) {
  abi::target_message message{};
  while (true) {
    pollfd waiting{channel, POLLIN, 0};
    if (::poll(&waiting, 1, kPatienceMs) <= 0) return {};
    const auto bytes = receive(channel, MSG_DONTWAIT);
    if (!bytes) return {};
    if (bytes->size() != sizeof(message)) continue;
    std::memcpy(&message, bytes->data(), sizeof(message));
    if (message.change == abi::kTargetSelected) return message.process;
  }
}

std::uint32_t await_outcome(int channel) {
  abi::request_answer answer{};
  while (true) {
    const auto bytes = receive(channel, 0);
    if (!bytes) return abi::kRequestOutcomes;
    if (bytes->size() != sizeof(answer)) continue;
    std::memcpy(&answer, bytes->data(), sizeof(answer));
    return answer.outcome;
  }
}

// With four descriptors.
bool send_with_descriptors(int channel, const abi::processor_request& request) {
  const std::array<int, 4> fds{channel, STDERR_FILENO, STDOUT_FILENO, channel};
  abi::processor_request copy = request;
  iovec content{&copy, sizeof(copy)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(fds))> control{};
  msghdr header{};
  header.msg_iov = &content;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(fds));
  std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(fds));
  // So many in flight as may be open: then the broker must read first.
  return ::sendmsg(channel, &header, MSG_NOSIGNAL) >= 0 || errno == ETOOMANYREFS;
}

}  // namespace

int flood(int channel) {
  const auto request = request_for({1, 0, 1}, abi::kProbesSockets);
  for (int i = 0; i < kMany; ++i) {
    if (!send_request(channel, request)) return 1;
    read_all(channel);
  }
  return 0;
}

int flood_unheard(int channel) {
  const auto request = request_for({1, 0, 1}, abi::kProbesSockets);
  for (int i = 0; i < kMany; ++i) {
    if (!send_request(channel, request)) return 1;
  }
  return 0;
}

int send_garbage(int channel) { return send_many(channel, sizeof(abi::processor_request)); }
int send_empty(int channel) { return send_many(channel, 0); }
int send_oversized(int channel) { return send_many(channel, kOversized); }

int send_descriptors(int channel) {
  constexpr int kTimes = 5000;
  const auto request = request_for({1, 0, 1}, abi::kProbesSockets);
  for (int i = 0; i < kTimes; ++i) {
    if (!send_with_descriptors(channel, request)) return 1;
    read_all(channel);
  }
  return 0;
}

int ask_for_others(int channel) {
  constexpr std::uint32_t kNoSuchSet = 7;
  const auto target = await_target(channel);
  const struct {
    const char* what;
    abi::process_key process;
    std::uint32_t probe_set;
  } questions[] = {
      {"init", {1, 0, 1}, abi::kProbesSockets},
      {"other_start",
       {target.pid, target.exec_generation, target.start_ns + 1},
       abi::kProbesSockets},
      {"other_image",
       {target.pid, target.exec_generation + 1, target.start_ns},
       abi::kProbesSockets},
      {"no_such_set", target, kNoSuchSet},
      {"its_target", target, abi::kProbesSockets},
  };
  for (const auto& question : questions) {
    if (!send_request(channel, request_for(question.process, question.probe_set))) return 1;
    std::fprintf(stderr, "pwned processor: %s outcome %u\n", question.what, await_outcome(channel));
  }
  return 0;
}

int read_nothing(int /*channel*/) {
  while (true) ::poll(nullptr, 0, -1);
}

}  // namespace beyla::agent::pwned
