// Asks the kernel's type information, and bpf(2) where our privileges allow it, what it can do.
#pragma once

#include <string>

#include "agent/doctor/facts.h"

namespace beyla::agent::doctor {

// Fills btf_readable, btf_problem and btf_names.
void read_type_information(KernelFacts& kernel, const std::string& sys_root = "/sys");

// All unknown without CAP_BPF and CAP_PERFMON: the kernel would say no to everything.
[[nodiscard]] BpfFacts ask_bpf(const PrivilegeFacts& privileges);

}  // namespace beyla::agent::doctor
