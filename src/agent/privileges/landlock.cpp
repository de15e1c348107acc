#include "agent/privileges/landlock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "agent/privileges/landlock_abi.h"
#include "base/fd.h"
#include "base/result.h"

namespace beyla::agent::privileges {
namespace {

struct Confinement {
  int since_abi;
  std::string_view what;
};
constexpr Confinement kConfinements[] = {
    {1, "files (Linux 5.13)"},
    {kAbiOfTruncate, "truncating files (Linux 6.2)"},
    {kAbiOfTcp, "TCP ports (Linux 6.7)"},
    {kAbiOfIoctl, "ioctls of devices (Linux 6.10)"},
    {kAbiOfScopes, "signals and abstract unix sockets (Linux 6.12)"},
};

std::vector<std::string> not_confined_by(int abi) {
  std::vector<std::string> result;
  for (const auto& confinement : kConfinements) {
    if (abi < confinement.since_abi) result.emplace_back(confinement.what);
  }
  return result;
}

// Takes errno.
LandlockReport not_in_effect(std::string_view what) {
  LandlockReport report;
  report.reason = fmt::format("{}: {}", what, std::strerror(errno));
  report.not_confined = not_confined_by(0);
  return report;
}

bool allow_reading(int ruleset, const std::string& path) {
  const base::Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return false;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(status.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  rule.parent_fd = fd.get();
  return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

void allow_ports(int ruleset, const std::vector<std::uint16_t>& ports, std::uint64_t access,
                 std::vector<std::string>& skipped) {
  for (const std::uint16_t port : ports) {
    const landlock_net_port rule{access, port};
    if (::syscall(SYS_landlock_add_rule, ruleset, kRuleNetPort, &rule, 0) != 0) {
      skipped.push_back(fmt::format("TCP port {}", port));
    }
  }
}

}  // namespace

LandlockReport restrict_with_landlock(const LandlockRules& rules) {
  const long newest =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (newest <= 0) return not_in_effect("this kernel has no Landlock, or it is switched off");
  LandlockReport report;
  report.abi = static_cast<int>(std::min<long>(newest, kNewestLandlockAbi));
  // A kernel accepts more bytes than it knows as long as they are zero.
  const landlock_ruleset handled = ruleset_for(report.abi);
  const base::Fd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0)));
  if (!ruleset.valid()) return not_in_effect("Landlock makes no rule set");
  for (const auto& path : rules.readable_paths) {
    if (!allow_reading(ruleset.get(), path)) report.skipped.push_back(path);
  }
  if (report.abi >= kAbiOfTcp) {
    allow_ports(ruleset.get(), rules.connectable_tcp_ports, kAccessConnectTcp, report.skipped);
    allow_ports(ruleset.get(), rules.bindable_tcp_ports, kAccessBindTcp, report.skipped);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return not_in_effect("Landlock does not take effect");
  }
  report.not_confined = not_confined_by(report.abi);
  return report;
}

}  // namespace beyla::agent::privileges
