// The rows that say of each capability: held or not, what for, what is lost without it.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "agent/doctor/capabilities.h"
#include "agent/doctor/checks.h"

namespace beyla::agent::doctor {
namespace {

constexpr std::string_view kToNobody = "to make the parts that parse run as nobody";
constexpr std::string_view kAsRoot = "run as root (sudo -E beyla), or grant ";

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
      facts, CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
      "reads the executables and OTEL_SERVICE_NAME of other users' processes",
      {Status::limited,
       "other users' processes have no path: EXECUTABLE_NAME is compared with the name the kernel "
       "knows, and OTEL_SERVICE_NAME is not read",
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

// Root's children must become nobody; another user's children stay who they are.
Verdict judge_change_of_user(const Facts& facts, unsigned number, std::string_view name,
                             std::string_view purpose, const Verdict& without) {
  if (facts.privileges.effective_uid != 0) {
    return {Status::ok, "not needed: not started as root", {}};
  }
  if (has_capability(facts.privileges, number)) {
    return {Status::ok, fmt::format("held: used once, {}", purpose), {}};
  }
  return {without.status, fmt::format("not held: {}", without.finding),
          without.status == Status::ok ? std::string() : fmt::format("grant {}", name)};
}

Verdict judge_setuid(const Facts& facts) {
  return judge_change_of_user(
      facts, CAP_SETUID, "CAP_SETUID", kToNobody,
      {Status::limited, "the parts that parse stay root, without capabilities", {}});
}

Verdict judge_setgid(const Facts& facts) {
  return judge_change_of_user(facts, CAP_SETGID, "CAP_SETGID", kToNobody,
                              {Status::limited, "the parts that parse stay in root's groups", {}});
}

Verdict judge_setpcap(const Facts& facts) {
  return judge_change_of_user(
      facts, CAP_SETPCAP, "CAP_SETPCAP", "to give up for good what is not needed",
      {Status::ok, "the bounding set stays as it is; no_new_privs makes it harmless", {}});
}

Verdict judge_bind_service(const Facts& facts) {
  const auto& settings = facts.settings.settings;
  const std::uint32_t first_open = facts.privileges.first_unprivileged_port;
  if (!settings || !settings->prometheus_port || *settings->prometheus_port >= first_open) {
    return {Status::ok, fmt::format("not needed: no scrape port below {}", first_open), {}};
  }
  const auto port = *settings->prometheus_port;
  if (has_capability(facts.privileges, CAP_NET_BIND_SERVICE)) {
    return {Status::ok, fmt::format("held: binds scrape port {}", port), {}};
  }
  return {Status::missing, fmt::format("not held: scrape port {} cannot be bound", port),
          fmt::format("choose a BEYLA_PROMETHEUS_PORT of {} or more, or grant CAP_NET_BIND_SERVICE",
                      first_open)};
}

constexpr std::array kChecks = {
    Check{"CAP_BPF", judge_bpf},
    Check{"CAP_PERFMON", judge_perfmon},
    Check{"CAP_SYS_PTRACE", judge_ptrace},
    Check{"CAP_DAC_READ_SEARCH", judge_dac_read_search},
    Check{"CAP_CHECKPOINT_RESTORE", judge_checkpoint_restore},
    Check{"CAP_NET_BIND_SERVICE", judge_bind_service},
    Check{"CAP_SETUID", judge_setuid},
    Check{"CAP_SETGID", judge_setgid},
    Check{"CAP_SETPCAP", judge_setpcap},
};

}  // namespace

std::span<const Check> capability_checks() { return kChecks; }

}  // namespace beyla::agent::doctor
