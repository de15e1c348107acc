// Which capabilities beyla uses, and for what.
#pragma once

#include <linux/capability.h>

#include "agent/doctor/facts.h"

namespace beyla::agent::doctor {

[[nodiscard]] constexpr bool has_capability(const PrivilegeFacts& privileges, unsigned number) {
  return ((privileges.effective_capabilities >> number) & 1U) != 0;
}

// CAP_SYS_ADMIN includes both (capability.h: bpf_capable(), perfmon_capable()). In a user namespace
// of one's own they mean nothing to bpf(2).
[[nodiscard]] constexpr bool may_load_programs(const PrivilegeFacts& privileges) {
  const bool may_use_bpf =
      has_capability(privileges, CAP_BPF) || has_capability(privileges, CAP_SYS_ADMIN);
  const bool may_trace =
      has_capability(privileges, CAP_PERFMON) || has_capability(privileges, CAP_SYS_ADMIN);
  return may_use_bpf && may_trace && privileges.in_initial_user_namespace != Answer::no;
}

}  // namespace beyla::agent::doctor
