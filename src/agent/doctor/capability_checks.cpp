// The rows that say of each capability: held or not, what for, what is lost without it.
#include <fmt/format.h>

#include <array>
#include <string_view>

#include "agent/doctor/capabilities.h"
#include "agent/doctor/checks.h"
#include "agent/privileges/capabilities.h"

namespace beyla::agent::doctor {
namespace {

Status status_without(privileges::Loss loss) {
  switch (loss) {
    case privileges::Loss::nothing: break;
    case privileges::Loss::some: return Status::limited;
    case privileges::Loss::everything: return Status::missing;
  }
  return Status::ok;
}

// `grant`: what stands before the name in the fix.
Verdict judge(const privileges::CapabilityRow& row, std::string_view grant) {
  if (row.held_by >= 0) {
    return {Status::ok,
            fmt::format("not held, but {} includes it: {}",
                        privileges::judge_capability(row.held_by, 0).name, row.purpose),
            {}};
  }
  if (row.held) return {Status::ok, fmt::format("held: {}", row.purpose), {}};
  const Status status = status_without(row.loss);
  return {status, fmt::format("not held: {}", row.without),
          status == Status::ok ? std::string() : fmt::format("{}{}", grant, row.name)};
}

template <int kCapability>
Verdict judge_held(const Facts& facts) {
  return judge(privileges::judge_capability(kCapability, facts.privileges.effective_capabilities),
               "run as root (sudo -E beyla), or grant ");
}

// Root's processes must become nobody; another user's stay who they are.
template <int kCapability>
Verdict judge_used_once(const Facts& facts) {
  if (facts.privileges.effective_uid != 0) {
    return {Status::ok, "not needed: not started as root", {}};
  }
  return judge(privileges::judge_capability(kCapability, facts.privileges.effective_capabilities),
               "grant ");
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
    Check{"CAP_BPF", judge_held<CAP_BPF>},
    Check{"CAP_PERFMON", judge_held<CAP_PERFMON>},
    Check{"CAP_SYS_PTRACE", judge_held<CAP_SYS_PTRACE>},
    Check{"CAP_DAC_READ_SEARCH", judge_held<CAP_DAC_READ_SEARCH>},
    Check{"CAP_CHECKPOINT_RESTORE", judge_held<CAP_CHECKPOINT_RESTORE>},
    Check{"CAP_NET_BIND_SERVICE", judge_bind_service},
    Check{"CAP_SETUID", judge_used_once<CAP_SETUID>},
    Check{"CAP_SETGID", judge_used_once<CAP_SETGID>},
    Check{"CAP_SETPCAP", judge_used_once<CAP_SETPCAP>},
};

}  // namespace

std::span<const Check> capability_checks() { return kChecks; }

}  // namespace beyla::agent::doctor
