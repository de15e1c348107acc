// One look at every process in /proc and the TCP ports that it listens on, without BPF and with
// whatever privileges there are: what cannot be read is said, not left out. Any thread; slow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/process.h"

namespace beyla::discover::scan {

struct Listener {
  std::uint16_t port = 0;
  int fd = -1;
  std::uint64_t netns_inode = 0;  // of the socket; may differ from its process's
  bool operator==(const Listener&) const = default;
};

struct ScannedProcess {
  model::ProcessKey key;   // exec_generation is not known to /proc: 0
  std::string name;        // as in /proc/PID/stat, at most 15 bytes
  std::string executable;  // empty: not readable, see executable_errno
  std::string own_service_name;
  int executable_errno = 0;
  int sockets_errno = 0;            // not 0: listeners are not known
  std::vector<Listener> listeners;  // by port, each socket once
};

struct UnownedListener {
  std::uint64_t netns_inode = 0;
  std::uint16_t port = 0;
  bool operator==(const UnownedListener&) const = default;
};

struct ProcessScan {
  std::vector<ScannedProcess> processes;  // by pid; kernel threads and zombies are left out
  std::vector<UnownedListener> unowned;   // listeners of processes whose descriptors are hidden
  std::uint64_t own_netns_inode = 0;
};

[[nodiscard]] ProcessScan scan_processes(const std::string& proc_root = "/proc");

}  // namespace beyla::discover::scan
