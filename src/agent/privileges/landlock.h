// Landlock: what a process may still open and whom it may reach, by rules of the kernel that need
// no privilege. As much as the running kernel has; the report says what is left unconfined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace beyla::agent::privileges {

struct LandlockRules {
  // Files, and directories with all beneath; to be read, never written or executed.
  std::vector<std::string> readable_paths;
  std::vector<std::uint16_t> connectable_tcp_ports;
  std::vector<std::uint16_t> bindable_tcp_ports;
};

struct LandlockReport {
  // Of the kernel, 1 .. 7 (Linux 5.13 .. 6.15; a newer one is used as 7); 0: not in effect at all.
  int abi = 0;
  // "TCP ports (Linux 6.7)", ...: what this kernel cannot confine. What no kernel can is not
  // listed: UDP, and calls on descriptors one has.
  std::vector<std::string> not_confined;
  // Paths that could not be opened, and ports ("TCP port 4318"), for which there is no rule:
  // refused.
  std::vector<std::string> skipped;
  // Why abi is 0, in words with errno; else empty.
  std::string reason;

  [[nodiscard]] bool in_effect() const { return abi > 0; }
};

// For the calling thread and those it starts from now on: call it with one thread. Sets
// no_new_privs. Confined are: opening, making, removing, linking and truncating files; TCP bind and
// connect (ABI 4, Linux 6.7); ioctls of devices opened from now on (ABI 5, 6.10); abstract unix
// sockets of and signals to processes outside (ABI 6, 6.12); ptrace of and /proc/PID/mem of
// processes outside. The last is why a broker has none: it reads /proc of others. Not confined by
// any ABI: stat(), chmod() and the like, which the system call filter refuses.
[[nodiscard]] LandlockReport restrict_with_landlock(const LandlockRules& rules);

}  // namespace beyla::agent::privileges
