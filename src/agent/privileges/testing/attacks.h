// What an attacker who runs code inside a process of ours tries first. For tests, and for builds
// that let a processor or worker run it (never in a release). Each attack makes the real call and
// says whether the kernel refused; one that succeeds by exec ends the caller, so results are told
// one by one. Nothing is left behind by those that succeed, but what they do to `victim`.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace beyla::agent::privileges::testing {

struct AttackTargets {
  pid_t parent = 0;  // the broker or spawner
  pid_t victim = 0;  // an instrumented process; SIGTERM and SIGABRT are tried on it
  // Somebody listens there on 127.0.0.1, and it is configured for nothing.
  std::uint16_t tcp_port = 0;
};

struct Attack {
  std::string_view name;
  int (*run)(const AttackTargets& targets);  // 0: it worked; else errno
};

struct AttackResult {
  std::string_view name;
  bool refused = false;
  int os_errno = 0;
};

// EPERM and EACCES; ENOSYS: the kernel, or the filter, has no such call. Any other errno means that
// the call was let through to look at its arguments.
[[nodiscard]] bool is_refusal(int os_errno);

[[nodiscard]] std::span<const Attack> attacks_on_processes();
[[nodiscard]] std::span<const Attack> attacks_on_the_kernel();
[[nodiscard]] std::span<const Attack> attacks_on_files();
[[nodiscard]] std::span<const Attack> attacks_on_the_network();

// All of the above, in this thread.
void run_attacks(const AttackTargets& targets, const std::function<void(AttackResult)>& tell);

}  // namespace beyla::agent::privileges::testing
