#include "agent/pwned/hostile_config_worker.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "agent/config/environment.h"
#include "agent/config/handover/config_channel.h"
#include "agent/config/handover/config_messages.h"
#include "agent/config/loader.h"
#include "agent/config/settings_split.h"
#include "agent/config/worker.h"
#include "agent/pwned/orders.h"

namespace beyla::agent::pwned {
namespace {

using Answer = abi::config_answer;

constexpr int kExitUnknownOrder = 99;
constexpr std::string_view kUgly = "a\nbeyla: all is well\r\x1b[2J\x1b]0;title\a../../etc/passwd";

template <std::size_t Bytes>
void write_over(std::uint8_t (&field)[Bytes], std::string_view text) {
  std::ranges::fill(field, std::uint8_t{0});
  std::ranges::copy(text.substr(0, Bytes - 1), field);
}

void refuse(Answer& answer, const std::string& message) {
  answer.status = abi::kConfigRefused;
  answer.policy = {};
  answer.settings = {};
  write_over(answer.message, message);
}

// What it answers, made from the right answer.
constexpr struct {
  std::string_view name;
  void (*falsify)(Answer& answer);
} kLies[] = {
    {"old_version", [](Answer& answer) { answer.version = 0; }},
    {"no_such_status", [](Answer& answer) { answer.status = 7; }},
    {"any_bytes",
     [](Answer& answer) {
       std::mt19937 random(20'230'419);
       for (auto& byte : std::as_writable_bytes(std::span(&answer, 1))) {
         byte = static_cast<std::byte>(random());
       }
     }},
    {"scrape_port_zero",
     [](Answer& answer) {
       answer.policy.has_scrape = 1;
       answer.policy.scrape_port = 0;
     }},
    {"scrape_port_huge", [](Answer& answer) { answer.policy.scrape_port = 70'000; }},
    {"selects_nothing",
     [](Answer& answer) {
       answer.policy.has_ports = 0;
       std::ranges::fill(answer.policy.wanted_ports, std::uint64_t{0});
       write_over(answer.policy.executable, "");
     }},
    {"more_probes_than_exist", [](Answer& answer) { answer.policy.allowed_probes = ~0U; }},
    {"ugly_service", [](Answer& answer) { write_over(answer.policy.service_name, kUgly); }},
    {"ugly_address", [](Answer& answer) { write_over(answer.policy.scrape_address, kUgly); }},
    {"ugly_metrics_path", [](Answer& answer) { write_over(answer.settings.metrics_path, kUgly); }},
    {"no_end_of_text",
     [](Answer& answer) { std::ranges::fill(answer.policy.executable, std::uint8_t{'a'}); }},
    {"ugly_reason", [](Answer& answer) { refuse(answer, std::string(kUgly)); }},
    {"reason_of_newlines",
     [](Answer& answer) { refuse(answer, std::string(abi::kConfigMessageBytes, '\n')); }},
    {"ugly_executable", [](Answer& answer) { write_over(answer.policy.executable, kUgly); }},
    {"warnings_of_newlines",
     [](Answer& answer) {
       write_over(answer.message, std::string(abi::kConfigMessageBytes, '\n'));
     }},
    {"ugly_warnings",
     [](Answer& answer) {
       std::string warnings;
       while (warnings.size() < abi::kConfigMessageBytes) warnings += "\x1b[2J\n";
       write_over(answer.message, warnings);
     }},
};

Answer right_answer() {
  const auto environment = config::process_environment(environ);
  const auto settings = config::load(std::nullopt, environment, nullptr);
  if (!settings) return config::encode_config_answer(std::unexpected(settings.error()));
  return config::encode_config_answer(config::LoadedConfig{
      config::policy_of(*settings), config::processor_settings_of(*settings), {}});
}

bool send_bytes(int channel, std::size_t bytes) {
  const Answer answer = right_answer();
  std::vector<std::byte> datagram(std::max(bytes, sizeof(answer)));
  std::memcpy(datagram.data(), &answer, sizeof(answer));
  return ::send(channel, datagram.data(), bytes, MSG_NOSIGNAL) >= 0;
}

bool send_with_descriptors(int channel) {
  Answer answer = right_answer();
  const std::array<int, 2> fds{channel, STDERR_FILENO};
  iovec content{&answer, sizeof(answer)};
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
  return ::sendmsg(channel, &header, MSG_NOSIGNAL) >= 0;
}

int say_nothing(int /*channel*/) {
  while (true) ::poll(nullptr, 0, -1);
}
int spin(int /*channel*/) {
  volatile unsigned turns = 0;
  while (true) turns = turns + 1;
}
int take_all_memory(int /*channel*/) {
  constexpr std::size_t kStep = 1UL << 20U;
  while (char* const taken = static_cast<char*>(std::malloc(kStep))) std::memset(taken, 'x', kStep);
  return 1;
}
int fork_for_ever(int channel) {
  constexpr int kTimes = 1000;
  int children = 0;
  for (int i = 0; i < kTimes; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::pause();
    children += child > 0 ? 1 : 0;
  }
  std::fprintf(stderr, "pwned worker: fork %s %d\n", children == 0 ? "refused" : "done", errno);
  return send_bytes(channel, sizeof(Answer)) ? 0 : 1;
}
int answer_twice(int channel) {
  return send_bytes(channel, sizeof(Answer)) && send_bytes(channel, sizeof(Answer)) ? 0 : 1;
}

constexpr struct {
  std::string_view name;
  int (*run)(int channel);
} kMisdeeds[] = {
    {"short", [](int channel) { return send_bytes(channel, sizeof(Answer) - 1) ? 0 : 1; }},
    {"long", [](int channel) { return send_bytes(channel, 4 * sizeof(Answer)) ? 0 : 1; }},
    {"empty", [](int channel) { return send_bytes(channel, 0) ? 0 : 1; }},
    {"descriptors", [](int channel) { return send_with_descriptors(channel) ? 0 : 1; }},
    {"twice", answer_twice},
    {"say_nothing", say_nothing},
    {"spin", spin},
    {"take_all_memory", take_all_memory},
    {"fork", fork_for_ever},
    {"crash", [](int /*channel*/) -> int { __builtin_trap(); }},
    {"exit_0", [](int /*channel*/) { return 0; }},
    {"exit_2", [](int /*channel*/) { return 2; }},
};

int follow(std::string_view order, int channel) {
  if (!config::receive_config_request(channel)) return kExitUnknownOrder;
  for (const auto& misdeed : kMisdeeds) {
    if (misdeed.name == order) return misdeed.run(channel);
  }
  for (const auto& lie : kLies) {
    if (lie.name != order) continue;
    Answer answer = right_answer();
    lie.falsify(answer);
    return config::send_config_answer(channel, answer) ? 0 : 1;
  }
  return kExitUnknownOrder;
}

}  // namespace

int hostile_config_worker_main(base::Fd channel, std::vector<base::Fd> files) {
  const std::string_view order = order_of_config_worker();
  if (order == "attack") attack_everything("worker");
  if (order.empty() || order == "attack") {
    return config::config_worker_main(std::move(channel), std::move(files));
  }
  return follow(order, channel.get());
}

}  // namespace beyla::agent::pwned
