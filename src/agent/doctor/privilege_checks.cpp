#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "agent/doctor/capabilities.h"
#include "agent/doctor/checks.h"

namespace beyla::agent::doctor {
namespace {

constexpr std::string_view kAsRoot = "run as root (sudo -E beyla), or grant ";
// Programs, maps and links of the kernel half, scrape connections (listen_socket.cpp), some more.
constexpr std::uint64_t kOpenFilesWanted = 256;
// Rings, slots and bitmaps of abi/maps.h, rounded up.
constexpr std::uint64_t kLockedMemoryWanted = 32ULL << 20U;

Verdict judge_capability(const Facts& facts, unsigned number, std::string_view name,
                         std::string_view purpose, const Verdict& without) {
  if (has_capability(facts.privileges, number)) {
    return {Status::ok, fmt::format("held: {}", purpose), {}};
  }
  return {without.status, fmt::format("not held: {}", without.finding),
          without.status == Status::ok ? std::string() : fmt::format("{}{}", kAsRoot, name)};
}

Verdict judge_loading_capability(const Facts& facts, unsigned number, std::string_view name,
                                 std::string_view purpose) {
  if (!has_capability(facts.privileges, number) &&
      has_capability(facts.privileges, CAP_SYS_ADMIN)) {
    return {Status::ok, fmt::format("not held, but CAP_SYS_ADMIN includes it: {}", purpose), {}};
  }
  return judge_capability(facts, number, name, purpose,
                          {Status::missing, "the kernel refuses every program", {}});
}

Verdict judge_bpf(const Facts& facts) {
  return judge_loading_capability(facts, CAP_BPF, "CAP_BPF", "loads programs into the kernel");
}

Verdict judge_perfmon(const Facts& facts) {
  return judge_loading_capability(facts, CAP_PERFMON, "CAP_PERFMON", "lets programs trace");
}

Verdict judge_ptrace(const Facts& facts) {
  return judge_capability(
      facts, CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "reads the executables of other users' processes",
      {Status::limited,
       "other users' processes have no path: EXECUTABLE_NAME never matches them, and their "
       "services get the name the kernel knows",
       {}});
}

Verdict judge_dac_read_search(const Facts& facts) {
  constexpr std::string_view kPurpose = "reads OTEL_SERVICE_NAME of other users' processes";
  if (!has_capability(facts.privileges, CAP_DAC_READ_SEARCH) &&
      has_capability(facts.privileges, CAP_DAC_OVERRIDE)) {
    return {
        Status::ok, fmt::format("not held, but CAP_DAC_OVERRIDE includes it: {}", kPurpose), {}};
  }
  return judge_capability(
      facts, CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", kPurpose,
      {Status::limited,
       "OTEL_SERVICE_NAME of other users' processes is not read: their services "
       "are named after the executable",
       {}});
}

Verdict judge_checkpoint_restore(const Facts& facts) {
  return judge_capability(facts, CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
                          "not needed by this version",
                          {Status::ok, "not needed by this version", {}});
}

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

constexpr std::array kChecks = {
    Check{"CAP_BPF", judge_bpf},
    Check{"CAP_PERFMON", judge_perfmon},
    Check{"CAP_SYS_PTRACE", judge_ptrace},
    Check{"CAP_DAC_READ_SEARCH", judge_dac_read_search},
    Check{"CAP_CHECKPOINT_RESTORE", judge_checkpoint_restore},
    Check{"user namespace", judge_user_namespace},
    Check{"pid namespace", judge_pid_namespace},
    Check{"other processes in /proc", judge_proc},
    Check{"open files limit", judge_open_files},
    Check{"locked memory limit", judge_locked_memory},
};

}  // namespace

std::span<const Check> privilege_checks() { return kChecks; }

}  // namespace beyla::agent::doctor
