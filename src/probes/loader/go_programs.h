// The kernel programs of the Go probes: what libbpf must be told of them, and which probe each one
// serves. Control thread only.
#pragma once

#include <bpf/libbpf.h>

#include <bitset>
#include <cstdint>
#include <optional>

#include "abi/go_calls.h"
#include "base/result.h"

namespace beyla::probes::loader {

// Before the object is loaded: of the programs behind uprobes those that are not wanted stay out of
// the kernel.
void prepare_uprobe_programs(bpf_object& object, bool go_wanted, bool tls_wanted);

// Once it is loaded: fills the table that dispatch.bpf.c calls by. Out: bit by abi::go_probe that
// has a program.
[[nodiscard]] base::Result<std::bitset<abi::kGoProbes>> connect_go_programs(bpf_object& object);

// Bits of the cookie of a probe that are neither its image nor its number.
[[nodiscard]] std::uint32_t variant_of(std::uint32_t probe);

}  // namespace beyla::probes::loader
