// Roles, waits and looks at processes that the tests of the spawner share.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/spawn/spawner.h"
#include "base/wait_readable.h"

namespace beyla::agent::spawn::testing {

constexpr std::chrono::seconds kPatience{20};  // a bound for a slow machine, never slept

inline base::Result<void> nothing_to_secure() { return {}; }
inline const SpawnHooks kOpenHooks{nothing_to_secure};

inline bool readable_in_time(int fd) {
  return base::wait_readable(fd, std::chrono::steady_clock::now() + kPatience) == 0;
}

// The next datagram; empty at the end of the channel.
inline std::string receive_text(int channel) {
  std::array<char, 4096> buffer{};
  if (!readable_in_time(channel)) return "nothing came";
  const ssize_t got = ::recv(channel, buffer.data(), buffer.size(), 0);
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

inline void send_text(int channel, const std::string& text) {
  static_cast<void>(::send(channel, text.data(), text.size(), MSG_NOSIGNAL));
}

inline std::optional<ChildExit> wait_exit(Spawner& spawner) {
  if (!readable_in_time(spawner.fd())) return std::nullopt;
  const auto exit = spawner.read_exit();
  return exit ? *exit : std::nullopt;
}

inline base::Fd watch(pid_t pid) {
  return base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

inline std::size_t count_fds(pid_t pid) {
  const auto listing = std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(listing), end(listing)));
}

// "Name: value" of /proc/PID/status without the spaces.
inline std::string status_field(const std::string& pid, const std::string& name) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(name + ":")) {
      return line.substr(std::min(line.find_first_not_of(" \t", name.size() + 1), line.size()));
    }
  }
  return {};
}

// Children of a single-threaded process, zombies too.
inline std::string children_of(pid_t pid) {
  const std::string text = std::to_string(pid);
  std::ifstream file("/proc/" + text + "/task/" + text + "/children");
  std::string children;
  std::getline(file, children);
  return children;
}

// Ends with the code that the broker sends, 0 when the channel ends.
inline int obey(base::Fd channel, std::vector<base::Fd>) {
  const std::string code = [&] {
    std::array<char, 16> buffer{};
    const ssize_t got = ::recv(channel.get(), buffer.data(), buffer.size(), 0);
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string("0");
  }();
  return std::stoi(code);
}

}  // namespace beyla::agent::spawn::testing
