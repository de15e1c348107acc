#include "agent/privileges/capabilities.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "agent/privileges/capability_sets.h"

namespace beyla::agent::privileges {
namespace {

constexpr int kCapabilityLimit = 64;  // as the two words of _LINUX_CAPABILITY_VERSION_3 hold
constexpr unsigned kWordBits = 32;

struct KnownCapability {
  int capability;
  std::string_view name;
  int included_in;  // -1: in none
  std::string_view purpose;
  std::string_view without;
  Loss loss;
};

constexpr std::string_view kUnneeded = "not needed by this version";
constexpr std::string_view kToNobody =
    "used once, so that all processes of the agent become nobody";
constexpr std::string_view kStaysRoot = "all processes of the agent keep uid 0";

constexpr std::array kKnown = {
    KnownCapability{CAP_BPF, "CAP_BPF", CAP_SYS_ADMIN, "loads programs into the kernel",
                    "the kernel refuses every program", Loss::everything},
    KnownCapability{CAP_PERFMON, "CAP_PERFMON", CAP_SYS_ADMIN, "lets programs trace",
                    "the kernel refuses every program", Loss::everything},
    KnownCapability{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", -1,
                    "reads the executables and OTEL_SERVICE_NAME of other users' processes",
                    "other users' processes have no path: EXECUTABLE_NAME is compared with the "
                    "name the kernel knows, OTEL_SERVICE_NAME is not read, and their Go programs "
                    "get no probes",
                    Loss::some},
    KnownCapability{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", CAP_DAC_OVERRIDE,
                    "reads OTEL_SERVICE_NAME of other users' processes",
                    "OTEL_SERVICE_NAME of other users' processes is not read: their services are "
                    "named after the executable",
                    Loss::some},
    KnownCapability{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", CAP_SYS_ADMIN,
                    "opens the libraries that processes have mapped",
                    "libraries that programs loaded from other than the usual places get no TLS "
                    "probes",
                    Loss::some},
    KnownCapability{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", -1, kUnneeded, kUnneeded, Loss::nothing},
    KnownCapability{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE", -1, kUnneeded, kUnneeded, Loss::nothing},
    KnownCapability{CAP_SETUID, "CAP_SETUID", -1, kToNobody, kStaysRoot, Loss::some},
    KnownCapability{CAP_SETGID, "CAP_SETGID", -1, kToNobody, kStaysRoot, Loss::some},
    KnownCapability{
        CAP_SETPCAP, "CAP_SETPCAP", -1, "used once, to give up for good what is not needed",
        "the bounding set stays as it is; no_new_privs makes it harmless", Loss::nothing},
};

KnownCapability known(int capability) {
  const auto found = std::ranges::find(kKnown, capability, &KnownCapability::capability);
  if (found != kKnown.end()) return *found;
  return {capability, "a capability without a name here", -1, kUnneeded, kUnneeded, Loss::nothing};
}

bool holds(CapabilityMask mask, int capability) {
  return capability >= 0 && (mask & bit_of(capability)) != 0;
}

// `ask`: 1, 0 or -1 with errno for one capability.
base::Result<CapabilityMask> read_one_by_one(int (*ask)(int capability), std::string_view what) {
  CapabilityMask mask = 0;
  for (int capability = 0; capability < kCapabilityLimit; ++capability) {
    const int answer = ask(capability);
    if (answer < 0 && errno == EINVAL) break;  // the kernel knows no more
    if (answer < 0) return base::fail_errno(errno, fmt::format("cannot read the {} set", what));
    if (answer > 0) mask |= bit_of(capability);
  }
  return mask;
}

}  // namespace

bool CapabilityReport::complete() const {
  return std::ranges::all_of(rows, [](const CapabilityRow& row) { return row.held; });
}

std::string CapabilityReport::missing_names() const {
  std::string names;
  for (const auto& row : rows) {
    if (row.held) continue;
    if (!names.empty()) names += ", ";
    names += row.name;
  }
  return names;
}

CapabilityRow judge_capability(int capability, CapabilityMask effective) {
  const KnownCapability about = known(capability);
  CapabilityRow row{.capability = capability,
                    .name = about.name,
                    .held = holds(effective, capability),
                    .purpose = about.purpose,
                    .without = about.without,
                    .loss = about.loss};
  if (!row.held && holds(effective, about.included_in)) {
    row.held = true;
    row.held_by = about.included_in;
  }
  return row;
}

CapabilityReport missing_capabilities(std::span<const int> wanted, CapabilityMask effective) {
  CapabilityReport report;
  for (const int capability : wanted) {
    report.rows.push_back(judge_capability(capability, effective));
  }
  return report;
}

std::vector<int> held_for(std::span<const int> wanted, CapabilityMask held) {
  std::vector<int> result;
  for (const auto& row : missing_capabilities(wanted, held).rows) {
    if (!row.held) continue;
    const int capability = row.held_by >= 0 ? row.held_by : row.capability;
    if (std::ranges::find(result, capability) == result.end()) result.push_back(capability);
  }
  return result;
}

CapabilityMask mask_of(std::span<const int> capabilities) {
  CapabilityMask mask = 0;
  for (const int capability : capabilities) mask |= bit_of(capability);
  return mask;
}

base::Result<CapabilitySets> own_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, words) != 0) {
    return base::fail_errno(errno, "cannot read the own capabilities");
  }
  const auto joined = [](std::uint32_t low, std::uint32_t high) {
    return CapabilityMask{low} | CapabilityMask{high} << kWordBits;
  };
  CapabilitySets sets;
  sets.effective = joined(words[0].effective, words[1].effective);
  sets.permitted = joined(words[0].permitted, words[1].permitted);
  sets.inheritable = joined(words[0].inheritable, words[1].inheritable);
  sets.bounding = TRY(read_one_by_one(
      [](int capability) { return ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0); }, "bounding"));
  sets.ambient = TRY(read_one_by_one(
      [](int capability) {
        return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0);
      },
      "ambient"));
  return sets;
}

base::Result<void> reduce_bounding_set(const CapabilitySets& now, CapabilityMask wanted) {
  if (!holds(now.effective, CAP_SETPCAP)) return {};
  for (int capability = 0; capability < kCapabilityLimit; ++capability) {
    if (!holds(now.bounding & ~wanted, capability)) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return base::fail_errno(errno, "cannot reduce the bounding set");
    }
  }
  return {};
}

base::Result<void> set_capabilities(CapabilityMask mask) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[_LINUX_CAPABILITY_U32S_3] = {};
  words[0].effective = words[0].permitted = static_cast<std::uint32_t>(mask);
  words[1].effective = words[1].permitted = static_cast<std::uint32_t>(mask >> kWordBits);
  if (::syscall(SYS_capset, &header, words) != 0) {
    return base::fail_errno(errno, "cannot give up capabilities");
  }
  // capset() has emptied the ambient set along with the inheritable one; said again for the reader.
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) {
    return base::fail_errno(errno, "cannot empty the ambient set");
  }
  return {};
}

base::Result<void> check_capabilities(const CapabilitySets& before, CapabilityMask wanted) {
  const CapabilitySets now = TRY(own_capabilities());
  const CapabilityMask kept = before.permitted & wanted;
  const bool may_bound = holds(before.effective, CAP_SETPCAP);
  const CapabilityMask bounding = may_bound ? before.bounding & wanted : before.bounding;
  if (now.effective == kept && now.permitted == kept && now.inheritable == 0 && now.ambient == 0 &&
      now.bounding == bounding) {
    return {};
  }
  return base::fail(
      base::ErrorCode::permission,
      fmt::format("capabilities were not given up as wanted: effective {:x}, permitted {:x}, "
                  "inheritable {:x}, ambient {:x}, bounding {:x}; wanted {:x}",
                  now.effective, now.permitted, now.inheritable, now.ambient, now.bounding, kept));
}

base::Result<void> keep_only(std::span<const int> capabilities) {
  const CapabilitySets before = TRY(own_capabilities());
  const CapabilityMask wanted = mask_of(capabilities);
  TRY_VOID(reduce_bounding_set(before, wanted));
  TRY_VOID(set_capabilities(before.permitted & wanted));
  return check_capabilities(before, wanted);
}

}  // namespace beyla::agent::privileges
