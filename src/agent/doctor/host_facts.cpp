#include "agent/doctor/host_facts.h"

#include <linux/landlock.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "discover/inspect/proc_files.h"

namespace beyla::agent::doctor {
namespace {

using discover::inspect::inode_of_link;
using discover::inspect::read_file;
using discover::inspect::read_link;

// include/linux/proc_ns.h
constexpr std::uint64_t kInitialPidNamespace = 0xEFFFFFFCU;
constexpr std::uint64_t kInitialUserNamespace = 0xEFFFFFFDU;
constexpr std::size_t kSmallFile = 64U << 10U;
constexpr std::size_t kMaxConfigBytes = 4U << 20U;

std::optional<long> read_number(const std::string& path) {
  const std::string text = read_file(path, kSmallFile);
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

// The value behind "name:" at the start of a line of /proc/self/status.
std::string_view status_value(std::string_view status, std::string_view name) {
  while (!status.empty()) {
    const std::string_view line = status.substr(0, status.find('\n'));
    status.remove_prefix(std::min(line.size() + 1, status.size()));
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ':') continue;
    const auto begin = line.find_first_not_of(" \t", name.size() + 1);
    return begin == std::string_view::npos ? std::string_view{} : line.substr(begin);
  }
  return {};
}

template <typename T>
T parsed(std::string_view text, int base) {
  T value{};
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// "real effective saved filesystem", proc_pid_status(5).
std::uint32_t effective_uid(std::string_view uids) {
  const auto real_end = uids.find('\t');
  if (real_end == std::string_view::npos) return 0;
  return parsed<std::uint32_t>(uids.substr(real_end + 1), 10);
}

// Also 0 where a seccomp filter refuses to answer.
int landlock_abi() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return static_cast<int>(std::max(version, 0L));
}

// "[none] integrity confidentiality": the one in brackets holds (security/lockdown/lockdown.c).
Lockdown parse_lockdown(std::string_view text) {
  if (text.find("[none]") != std::string_view::npos) return Lockdown::none;
  if (text.find("[integrity]") != std::string_view::npos) return Lockdown::integrity;
  if (text.find("[confidentiality]") != std::string_view::npos) return Lockdown::confidentiality;
  return Lockdown::unknown;
}

Answer built_with_btf(const HostRoots& roots, const std::string& release) {
  const std::string config = read_file(roots.boot + "/config-" + release, kMaxConfigBytes);
  if (config.empty()) return Answer::unknown;
  return config.find("\nCONFIG_DEBUG_INFO_BTF=y\n") != std::string::npos ? Answer::yes : Answer::no;
}

Answer is_in_namespace(const std::string& path, std::string_view kind, std::uint64_t initial) {
  const auto link = read_link(path);
  const auto inode = link ? inode_of_link(*link, kind) : std::nullopt;
  if (!inode) return Answer::unknown;
  return *inode == initial ? Answer::yes : Answer::no;
}

// Options stand behind " - " in mountinfo, proc_pid_mountinfo(5); the last mount on /proc counts.
std::string hidepid_option(std::string_view mounts) {
  constexpr std::string_view kOption = "hidepid=";
  std::string value;
  while (!mounts.empty()) {
    const std::string_view line = mounts.substr(0, mounts.find('\n'));
    mounts.remove_prefix(std::min(line.size() + 1, mounts.size()));
    if (line.find(" /proc ") == std::string_view::npos) continue;
    if (line.find(" - proc ") == std::string_view::npos) continue;
    const auto at = line.find(kOption);
    const std::string_view rest =
        at == std::string_view::npos ? std::string_view{} : line.substr(at + kOption.size());
    value = rest.substr(0, rest.find_first_of(", "));
  }
  return value;
}

std::optional<std::uint64_t> limit_of(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0) return std::nullopt;
  if (limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

}  // namespace

KernelFacts read_kernel(const HostRoots& roots) {
  KernelFacts facts;
  utsname name{};
  if (::uname(&name) == 0) {
    facts.release = name.release;
    facts.machine = name.machine;
  }
  facts.built_with_btf = built_with_btf(roots, facts.release);
  facts.lockdown = parse_lockdown(read_file(roots.sys + "/kernel/security/lockdown", kSmallFile));
  facts.unprivileged_bpf_disabled =
      read_number(roots.proc + "/sys/kernel/unprivileged_bpf_disabled");
  facts.perf_event_paranoid = read_number(roots.proc + "/sys/kernel/perf_event_paranoid");
  const std::string sources = roots.sys + "/bus/event_source/devices/";
  facts.kprobe_source = read_number(sources + "kprobe/type").has_value();
  facts.uprobe_source = read_number(sources + "uprobe/type").has_value();
  return facts;
}

PrivilegeFacts read_privileges(const HostRoots& roots) {
  PrivilegeFacts facts;
  const std::string status = read_file(roots.proc + "/self/status", kSmallFile);
  facts.effective_uid = effective_uid(status_value(status, "Uid"));
  facts.effective_capabilities = parsed<std::uint64_t>(status_value(status, "CapEff"), 16);
  facts.no_new_privs = status_value(status, "NoNewPrivs") == "1";
  facts.seccomp_mode = parsed<int>(status_value(status, "Seccomp"), 10);
  facts.in_initial_user_namespace =
      is_in_namespace(roots.proc + "/self/ns/user", "user", kInitialUserNamespace);
  facts.in_initial_pid_namespace =
      is_in_namespace(roots.proc + "/self/ns/pid", "pid", kInitialPidNamespace);
  facts.landlock_abi = landlock_abi();
  const auto first_port = read_number(roots.proc + "/sys/net/ipv4/ip_unprivileged_port_start");
  if (first_port) facts.first_unprivileged_port = static_cast<std::uint32_t>(*first_port);
  facts.hidepid = hidepid_option(read_file(roots.proc + "/self/mountinfo", kMaxConfigBytes));
  facts.open_files_limit = limit_of(RLIMIT_NOFILE);
  facts.memory_lock_limit = limit_of(RLIMIT_MEMLOCK);
  return facts;
}

}  // namespace beyla::agent::doctor
