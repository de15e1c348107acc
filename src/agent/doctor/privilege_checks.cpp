#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <vector>

#include "agent/doctor/capabilities.h"
#include "agent/doctor/checks.h"
#include "agent/privileges/capabilities.h"

namespace beyla::agent::doctor {
namespace {

// Programs, maps and links of the kernel half, scrape connections (listen_socket.cpp), some more.
constexpr std::uint64_t kOpenFilesWanted = 256;
// Rings, slots and bitmaps of abi/maps.h, rounded up.
constexpr std::uint64_t kLockedMemoryWanted = 32ULL << 20U;

Verdict judge_user_namespace(const Facts& facts) {
  switch (facts.privileges.in_initial_user_namespace) {
    case Answer::yes: return {Status::ok, "the host's", {}};
    case Answer::unknown: return {Status::unknown, "/proc/self/ns/user cannot be read", {}};
    case Answer::no: break;
  }
  return {Status::missing, "not the host's: capabilities held here mean nothing to bpf(2)",
          "run outside of user namespaces (no rootless container, no userns-remap)"};
}

Verdict judge_pid_namespace(const Facts& facts) {
  switch (facts.privileges.in_initial_pid_namespace) {
    case Answer::yes: return {Status::ok, "the host's", {}};
    case Answer::unknown: return {Status::unknown, "/proc/self/ns/pid cannot be read", {}};
    case Answer::no: break;
  }
  return {
      Status::limited,
      "not the host's: processes outside that run already are not seen; later ones get the name "
      "the kernel knows, and EXECUTABLE_NAME is compared with that name only",
      "share the host's pid namespace (--pid=host, hostPID: true)"};
}

Verdict judge_proc(const Facts& facts) {
  const auto& privileges = facts.privileges;
  const auto& processes = facts.scan.processes;
  const auto hidden = std::ranges::count_if(
      processes, [](const auto& process) { return process.executable.empty(); });
  const bool hides = !privileges.hidepid.empty() && privileges.hidepid != "0" &&
                     privileges.hidepid != "off" && !has_capability(privileges, CAP_SYS_PTRACE);
  if (hides) {
    return {Status::limited,
            fmt::format("/proc is mounted with hidepid={}: other users' processes are not seen",
                        privileges.hidepid),
            "grant CAP_SYS_PTRACE, or mount /proc without hidepid"};
  }
  if (processes.empty()) return {Status::limited, "/proc shows no process", "mount /proc"};
  if (hidden == 0) {
    return {Status::ok, fmt::format("all {} processes are readable", processes.size()), {}};
  }
  const std::string counted =
      fmt::format("{} of {} processes are not readable", hidden, processes.size());
  if (has_capability(privileges, CAP_SYS_PTRACE)) {
    return {Status::limited, counted + ": the kernel protects them from CAP_SYS_PTRACE, too", {}};
  }
  return {Status::limited, counted, "grant CAP_SYS_PTRACE"};
}

Verdict judge_open_files(const Facts& facts) {
  const auto& limit = facts.privileges.open_files_limit;
  if (!limit) return {Status::ok, "no limit", {}};
  if (*limit >= kOpenFilesWanted) return {Status::ok, fmt::format("{}", *limit), {}};
  return {Status::limited, fmt::format("{}: scrapes may be refused", *limit),
          fmt::format("ulimit -n {}", kOpenFilesWanted)};
}

// Since Linux 5.11 the memory of BPF objects is charged to the control group instead.
bool counts_locked_memory(std::string_view release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* const last = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), last, major);
  if (error != std::errc{} || dot == last) return false;
  std::from_chars(dot + 1, last, minor);
  return major < 5 || (major == 5 && minor < 11);
}

Verdict judge_locked_memory(const Facts& facts) {
  if (!counts_locked_memory(facts.kernel.release)) {
    return {Status::ok, "does not matter: Linux 5.11 and newer charge the control group", {}};
  }
  const auto& limit = facts.privileges.memory_lock_limit;
  if (!limit || *limit >= kLockedMemoryWanted ||
      has_capability(facts.privileges, CAP_SYS_RESOURCE)) {
    return {Status::ok, "enough for the maps", {}};
  }
  return {Status::missing,
          fmt::format("{} KiB: the maps need {} KiB", *limit >> 10U, kLockedMemoryWanted >> 10U),
          "ulimit -l unlimited (LimitMEMLOCK=infinity)"};
}

// Of what the broker keeps. The others are used once, or by a setting that fails by itself.
Verdict judge_enforcement(const Facts& facts) {
  const auto& settings = facts.settings.selectors;
  if (!settings || !settings->enforce_sys_caps) {
    return {Status::ok, "off: beyla starts with what is left, and says once what is lost", {}};
  }
  const auto report = privileges::missing_capabilities(privileges::kBrokerCapabilities,
                                                       facts.privileges.effective_capabilities);
  if (report.complete()) return {Status::ok, "on, and all that is needed is held", {}};
  return {Status::missing,
          fmt::format("on: the start is refused without {}", report.missing_names()),
          "grant them, or set enforce_sys_caps to false"};
}

Verdict judge_no_new_privs(const Facts& facts) {
  if (!facts.privileges.no_new_privs) return {Status::ok, "not set yet: beyla sets it", {}};
  return {Status::ok,
          "set: what is held stays, but capabilities of the executable's file count for nothing",
          {}};
}

Verdict judge_seccomp(const Facts& facts) {
  if (facts.privileges.seccomp_mode == 0) return {Status::ok, "none from outside", {}};
  return {Status::ok, "one is active: whether it lets bpf(2) through, `load and attach` tells", {}};
}

// What each version of the interface can confine: landlock(7).
Verdict judge_landlock(const Facts& facts) {
  constexpr int kTcpPorts = 4;  // Linux 6.7
  constexpr int kSignals = 6;   // Linux 6.12
  const int abi = facts.privileges.landlock_abi;
  if (abi >= kSignals) {
    return {Status::ok, fmt::format("ABI {}: confines files, TCP ports and signals", abi), {}};
  }
  if (abi >= kTcpPorts) {
    return {Status::limited,
            fmt::format("ABI {}: confines files and TCP ports; signals and abstract unix sockets "
                        "are left to users and seccomp",
                        abi),
            "use Linux 6.12 or newer"};
  }
  if (abi > 0) {
    return {
        Status::limited,
        fmt::format("ABI {}: confines files; TCP ports are left to seccomp, signals and abstract "
                    "unix sockets to users and seccomp",
                    abi),
        "use Linux 6.12 or newer"};
  }
  return {Status::limited,
          "not in this kernel, or not switched on: files, TCP ports and signals are left to users "
          "and seccomp",
          "use Linux 6.12 or newer, with landlock in the boot parameter lsm="};
}

constexpr std::array kOtherChecks = {
    Check{"enforce_sys_caps", judge_enforcement},
    Check{"no_new_privs", judge_no_new_privs},
    Check{"seccomp filter", judge_seccomp},
    Check{"Landlock", judge_landlock},
    Check{"user namespace", judge_user_namespace},
    Check{"pid namespace", judge_pid_namespace},
    Check{"other processes in /proc", judge_proc},
    Check{"open files limit", judge_open_files},
    Check{"locked memory limit", judge_locked_memory},
};

}  // namespace

std::span<const Check> privilege_checks() {
  static const auto kChecks = [] {
    std::vector<Check> checks(capability_checks().begin(), capability_checks().end());
    checks.insert(checks.end(), kOtherChecks.begin(), kOtherChecks.end());
    return checks;
  }();
  return kChecks;
}

}  // namespace beyla::agent::doctor
