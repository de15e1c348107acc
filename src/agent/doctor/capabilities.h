// Which capabilities the facts tell of. What each is for: agent/privileges/capabilities.h.
#pragma once

#include <linux/capability.h>

#include "agent/doctor/facts.h"
#include "agent/privileges/capabilities.h"

namespace beyla::agent::doctor {

[[nodiscard]] constexpr bool has_capability(const PrivilegeFacts& privileges, unsigned number) {
  return ((privileges.effective_capabilities >> number) & 1U) != 0;
}

// In a user namespace of one's own they mean nothing to bpf(2).
[[nodiscard]] inline bool may_load_programs(const PrivilegeFacts& privileges) {
  constexpr int kLoading[] = {CAP_BPF, CAP_PERFMON};
  const auto report =
      agent::privileges::missing_capabilities(kLoading, privileges.effective_capabilities);
  return report.complete() && privileges.in_initial_user_namespace != Answer::no;
}

}  // namespace beyla::agent::doctor
