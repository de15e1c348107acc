// Which process: never the pid alone. (pid, start time, exec generation) is unique while the
// machine is up, also when the kernel reuses a pid or the process calls exec twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace beyla::model {

struct ProcessKey {
  std::uint32_t pid = 0;              // thread group id in the initial pid namespace
  std::uint32_t exec_generation = 0;  // task_struct::self_exec_id
  std::uint64_t start_ns = 0;         // group leader's start_boottime, CLOCK_BOOTTIME
  bool operator==(const ProcessKey&) const = default;
};

struct ProcessKeyHash {
  std::size_t operator()(const ProcessKey& key) const noexcept {
    return std::hash<std::uint64_t>{}(key.start_ns ^ (std::uint64_t{key.pid} << 20U) ^
                                      (std::uint64_t{key.exec_generation} << 44U));
  }
};

struct Service {
  std::string name;
};

// A process that was selected.
struct TargetProcess {
  ProcessKey key;
  Service service;
};

}  // namespace beyla::model
