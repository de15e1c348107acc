// What one x86-64 instruction writes. Pure functions.
#pragma once

#include "probes/native/flow_graph.h"

namespace beyla::probes::native {

[[nodiscard]] Effect effect_of(const x86::DecodedInstruction& decoded);

// Whether it compares with the stack protector's canary, which lies at %fs:40 (glibc's tcbhead_t,
// sysdeps/x86_64/nptl/tls.h; musl's struct pthread): unequal only where the stack was overwritten.
[[nodiscard]] bool checks_canary(const x86::DecodedInstruction& decoded);

}  // namespace beyla::probes::native
