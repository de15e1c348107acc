#include <fmt/format.h>

#include <array>

#include "agent/doctor/checks.h"

namespace beyla::agent::doctor {
namespace {

Verdict judge_kernel(const Facts& facts) {
  const auto& kernel = facts.kernel;
  const std::string shown = fmt::format("Linux {} {}", kernel.release, kernel.machine);
  // transfers.bpf.c reads the arguments of system calls from x86-64 registers.
  if (kernel.machine == "x86_64") return {Status::ok, shown, {}};
  return {Status::missing, shown + ": this version is built for x86_64 only",
          "run on an x86_64 machine"};
}

Verdict judge_btf(const Facts& facts) {
  const auto& kernel = facts.kernel;
  constexpr std::string_view kFile = "/sys/kernel/btf/vmlinux";
  if (kernel.btf_readable) return {Status::ok, fmt::format("{} is readable", kFile), {}};
  Verdict verdict{Status::missing, fmt::format("{}: {}", kFile, kernel.btf_problem), {}};
  switch (kernel.built_with_btf) {
    case Answer::yes:
      verdict.finding += "; the kernel is built with CONFIG_DEBUG_INFO_BTF=y";
      verdict.fix = "mount sysfs on /sys, in a container too";
      break;
    case Answer::no:
      verdict.finding += "; the kernel is built without CONFIG_DEBUG_INFO_BTF";
      verdict.fix = "use a kernel built with CONFIG_DEBUG_INFO_BTF=y";
      break;
    case Answer::unknown:
      verdict.fix = "mount sysfs on /sys; or use a kernel built with CONFIG_DEBUG_INFO_BTF=y";
      break;
  }
  return verdict;
}

Verdict judge_lockdown(const Facts& facts) {
  switch (facts.kernel.lockdown) {
    case Lockdown::none: return {Status::ok, "none", {}};
    case Lockdown::integrity:
      return {Status::ok,
              "integrity: forbids programs to write user memory, which beyla never does",
              {}};
    case Lockdown::confidentiality:
      return {Status::missing,
              "confidentiality: forbids programs to read kernel memory, which beyla must",
              "boot without lockdown=confidentiality"};
    case Lockdown::unknown: break;
  }
  return {Status::unknown,
          "/sys/kernel/security/lockdown cannot be read; the programs below tell in its place",
          {}};
}

Verdict judge_unprivileged_bpf(const Facts& facts) {
  const auto& value = facts.kernel.unprivileged_bpf_disabled;
  if (!value) return {Status::unknown, "cannot be read; with CAP_BPF it does not matter", {}};
  return {Status::ok,
          fmt::format("{}: does not matter, beyla loads its programs with CAP_BPF", *value),
          {}};
}

Verdict judge_perf_event_paranoid(const Facts& facts) {
  const auto& value = facts.kernel.perf_event_paranoid;
  if (!value) return {Status::unknown, "cannot be read; no hook of today uses perf events", {}};
  return {Status::ok,
          fmt::format("{}: does not matter, no hook of today uses perf events", *value),
          {}};
}

constexpr std::array kChecks = {
    Check{"kernel and architecture", judge_kernel},
    Check{"kernel type information", judge_btf},
    Check{"lockdown", judge_lockdown},
    Check{"unprivileged_bpf_disabled", judge_unprivileged_bpf},
    Check{"perf_event_paranoid", judge_perf_event_paranoid},
};

}  // namespace

std::span<const Check> kernel_checks() { return kChecks; }

}  // namespace beyla::agent::doctor
