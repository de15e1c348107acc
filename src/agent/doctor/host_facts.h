// Reads what /proc and /sys say of the kernel and of our own privileges. The roots are arguments so
// that tests bring their own.
#pragma once

#include <string>

#include "agent/doctor/facts.h"

namespace beyla::agent::doctor {

struct HostRoots {
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string boot = "/boot";  // config-RELEASE, where distributions put it
};

// Fills all of KernelFacts but btf_readable, btf_problem and btf_names.
[[nodiscard]] KernelFacts read_kernel(const HostRoots& roots);
[[nodiscard]] PrivilegeFacts read_privileges(const HostRoots& roots);

}  // namespace beyla::agent::doctor
