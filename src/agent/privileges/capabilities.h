// What the agent's capabilities are for, which of them are missing, and giving up all others.
// Numbers are those of linux/capability.h. Calls change the calling thread only: make them before
// there is a second one. Raw system calls: no file is opened, nothing is kept between calls.
#pragma once

#include <linux/capability.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace beyla::agent::privileges {

// One bit for each capability, bit n for number n.
using CapabilityMask = std::uint64_t;

[[nodiscard]] constexpr CapabilityMask bit_of(int capability) {
  return CapabilityMask{1} << static_cast<unsigned>(capability);
}

// What a broker keeps (docs: SECURITY.md).
inline constexpr std::array kBrokerCapabilities = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE,
                                                   CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE};

// What is lost without a capability.
enum class Loss : std::uint8_t {
  nothing,
  some,
  everything,  // nothing is traced at all
};

// Texts are for the operator, and without a verb in front: "held: " or "not held: " goes before.
struct CapabilityRow {
  int capability = 0;
  std::string_view name;  // "CAP_BPF"
  bool held = false;      // itself, or by one that includes it
  int held_by = -1;       // the capability held, where it is another one; else -1
  std::string_view purpose;
  std::string_view without;  // how things are then
  Loss loss = Loss::nothing;
};

struct CapabilityReport {
  std::vector<CapabilityRow> rows;  // as many as were wanted, in that order

  [[nodiscard]] bool complete() const;
  // "CAP_BPF, CAP_PERFMON"; empty when complete.
  [[nodiscard]] std::string missing_names() const;
};

// Whether a process with these effective capabilities has this one. CAP_SYS_ADMIN includes CAP_BPF,
// CAP_PERFMON and CAP_CHECKPOINT_RESTORE; CAP_DAC_OVERRIDE includes CAP_DAC_READ_SEARCH
// (include/linux/capability.h and fs/namei.c, Linux 6.12).
[[nodiscard]] CapabilityRow judge_capability(int capability, CapabilityMask effective);
// Likewise of several.
[[nodiscard]] CapabilityReport missing_capabilities(std::span<const int> wanted,
                                                    CapabilityMask effective);
// What to keep so that `wanted` still holds: each one itself where held, else the one held that
// includes it, else nothing.
[[nodiscard]] std::vector<int> held_for(std::span<const int> wanted, CapabilityMask held);

struct CapabilitySets {
  CapabilityMask effective = 0;
  CapabilityMask permitted = 0;
  CapabilityMask inheritable = 0;
  CapabilityMask bounding = 0;
  CapabilityMask ambient = 0;
};
// Of the calling thread.
[[nodiscard]] base::Result<CapabilitySets> own_capabilities();

// Leaves effective = permitted = permitted so far ∩ `capabilities`; inheritable and ambient empty;
// the bounding set without all others where CAP_SETPCAP is held, else as it is (without exec and
// with no_new_privs it gives nothing). What is not held stays not held: missing_capabilities()
// tells. The result is read back; anything else than the above is an error, and the caller must
// end.
[[nodiscard]] base::Result<void> keep_only(std::span<const int> capabilities);

}  // namespace beyla::agent::privileges
