#include "agent/doctor/checks.h"

#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>

#include "agent/doctor/btf_names.h"

namespace beyla::agent::doctor {
namespace {

constexpr std::uint64_t bit(unsigned number) { return std::uint64_t{1} << number; }

constexpr std::uint64_t kAllNeeded = bit(CAP_BPF) | bit(CAP_PERFMON) | bit(CAP_SYS_PTRACE) |
                                     bit(CAP_DAC_READ_SEARCH) | bit(CAP_CHECKPOINT_RESTORE);

discover::scan::ScannedProcess process(std::uint32_t pid, std::string executable) {
  discover::scan::ScannedProcess result;
  result.key.pid = pid;
  result.name = "name";
  result.executable = std::move(executable);
  return result;
}

// A machine on which every row is fine.
Facts good() {
  Facts facts;
  facts.kernel.release = "6.18.1";
  facts.kernel.machine = "x86_64";
  facts.kernel.btf_readable = true;
  for (const auto name : kAskedNames) facts.kernel.btf_names.emplace(name);
  facts.kernel.lockdown = Lockdown::none;
  facts.kernel.unprivileged_bpf_disabled = 2;
  facts.kernel.perf_event_paranoid = 4;
  facts.kernel.kprobe_source = facts.kernel.uprobe_source = true;
  facts.privileges.effective_capabilities = kAllNeeded;
  facts.privileges.effective_uid = 1000;
  facts.privileges.landlock_abi = 6;
  facts.privileges.in_initial_user_namespace = Answer::yes;
  facts.privileges.in_initial_pid_namespace = Answer::yes;
  facts.privileges.open_files_limit = 1024;
  facts.privileges.memory_lock_limit = 65536;
  facts.bpf = {Answer::yes, Answer::yes, Answer::yes, Answer::yes, {}};
  facts.trial = {TrialFacts::Reached::attached, "", true, true};
  config::Settings settings;
  settings.open_port = *config::PortSet::parse("80,8000-8999");
  settings.prometheus_port = 8999;
  facts.settings.settings = facts.settings.selectors = settings;
  facts.settings.scrape_port = ScrapePortFacts{true, "", {}};
  facts.scan.processes = {process(1, "/sbin/init"), process(2, "/srv/shop")};
  return facts;
}

Verdict verdict(const Facts& facts, std::string_view name) {
  for (const auto& section : sections()) {
    const auto found = std::ranges::find(section.checks, name, &Check::name);
    if (found != section.checks.end()) return found->judge(facts);
  }
  ADD_FAILURE() << "no row " << name;
  return {};
}

TEST(Checks, AGoodMachineHasOnlyOkAndNotBuilt) {
  const Facts facts = good();
  for (const auto& section : sections()) {
    for (const auto& check : section.checks) {
      const Verdict result = check.judge(facts);
      EXPECT_TRUE(result.status == Status::ok || result.status == Status::not_built) << check.name;
      EXPECT_EQ(result.fix, "") << check.name;
      EXPECT_NE(result.finding, "") << check.name;
    }
  }
}

TEST(Checks, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const auto& section : sections()) {
    for (const auto& check : section.checks) EXPECT_TRUE(names.insert(check.name).second);
  }
}

// Each case spoils the good machine in one way and says what the row must become.
struct Case {
  const char* row;
  void (*spoil)(Facts& facts);
  Status status;
  const char* finding;
  const char* fix;
};

class SpoiltMachine : public testing::TestWithParam<Case> {};

TEST_P(SpoiltMachine, IsJudged) {
  Facts facts = good();
  GetParam().spoil(facts);
  EXPECT_EQ(verdict(facts, GetParam().row),
            (Verdict{GetParam().status, GetParam().finding, GetParam().fix}));
}

void hide_btf(Facts& facts) {
  facts.kernel.btf_readable = false;
  facts.kernel.btf_problem = "No such file or directory";
  facts.kernel.btf_names.clear();
}
void take_capability(Facts& facts, unsigned number) {
  facts.privileges.effective_capabilities &= ~bit(number);
}
void become_root(Facts& facts, std::uint64_t more_capabilities) {
  facts.privileges.effective_uid = 0;
  facts.privileges.effective_capabilities |= more_capabilities;
}
void enforce(Facts& facts) {
  facts.settings.settings->enforce_sys_caps = true;
  facts.settings.selectors->enforce_sys_caps = true;
}
void forget(Facts& facts, std::string_view name) {
  facts.kernel.btf_names.erase(std::string(name));
}

const Case kKernelCases[] = {
    {"kernel and architecture", [](Facts& f) { f.kernel.machine = "aarch64"; }, Status::missing,
     "Linux 6.18.1 aarch64: this version is built for x86_64 only", "run on an x86_64 machine"},
    {"kernel type information", hide_btf, Status::missing,
     "/sys/kernel/btf/vmlinux: No such file or directory",
     "mount sysfs on /sys; or use a kernel built with CONFIG_DEBUG_INFO_BTF=y"},
    {"kernel type information",
     [](Facts& f) { hide_btf(f), f.kernel.built_with_btf = Answer::yes; }, Status::missing,
     "/sys/kernel/btf/vmlinux: No such file or directory; the kernel is built with "
     "CONFIG_DEBUG_INFO_BTF=y",
     "mount sysfs on /sys, in a container too"},
    {"kernel type information", [](Facts& f) { hide_btf(f), f.kernel.built_with_btf = Answer::no; },
     Status::missing,
     "/sys/kernel/btf/vmlinux: No such file or directory; the kernel is built without "
     "CONFIG_DEBUG_INFO_BTF",
     "use a kernel built with CONFIG_DEBUG_INFO_BTF=y"},
    {"lockdown", [](Facts& f) { f.kernel.lockdown = Lockdown::integrity; }, Status::ok,
     "integrity: forbids programs to write user memory, which beyla never does", ""},
    {"lockdown", [](Facts& f) { f.kernel.lockdown = Lockdown::confidentiality; }, Status::missing,
     "confidentiality: forbids programs to read kernel memory, which beyla must",
     "boot without lockdown=confidentiality"},
    {"lockdown", [](Facts& f) { f.kernel.lockdown = Lockdown::unknown; }, Status::unknown,
     "/sys/kernel/security/lockdown cannot be read; the programs below tell in its place", ""},
    {"unprivileged_bpf_disabled", [](Facts& f) { f.kernel.unprivileged_bpf_disabled = {}; },
     Status::unknown, "cannot be read; with CAP_BPF it does not matter", ""},
    {"perf_event_paranoid", [](Facts& f) { f.kernel.perf_event_paranoid = {}; }, Status::unknown,
     "cannot be read; no hook of today uses perf events", ""},
};
INSTANTIATE_TEST_SUITE_P(Kernel, SpoiltMachine, testing::ValuesIn(kKernelCases));

const Case kPrivilegeCases[] = {
    {"CAP_BPF", [](Facts& f) { take_capability(f, CAP_BPF); }, Status::missing,
     "not held: the kernel refuses every program", "run as root (sudo -E beyla), or grant CAP_BPF"},
    {"CAP_BPF",
     [](Facts& f) {
       take_capability(f, CAP_BPF);
       f.privileges.effective_capabilities |= bit(CAP_SYS_ADMIN);
     },
     Status::ok, "not held, but CAP_SYS_ADMIN includes it: loads programs into the kernel", ""},
    {"CAP_PERFMON", [](Facts& f) { take_capability(f, CAP_PERFMON); }, Status::missing,
     "not held: the kernel refuses every program",
     "run as root (sudo -E beyla), or grant CAP_PERFMON"},
    {"CAP_PERFMON",
     [](Facts& f) {
       take_capability(f, CAP_PERFMON);
       f.privileges.effective_capabilities |= bit(CAP_SYS_ADMIN);
     },
     Status::ok, "not held, but CAP_SYS_ADMIN includes it: lets programs trace", ""},
    {"CAP_SYS_PTRACE", [](Facts& f) { take_capability(f, CAP_SYS_PTRACE); }, Status::limited,
     "not held: other users' processes have no path: EXECUTABLE_NAME is compared with the name the "
     "kernel knows, OTEL_SERVICE_NAME is not read, and their Go programs get no probes",
     "run as root (sudo -E beyla), or grant CAP_SYS_PTRACE"},
    {"CAP_DAC_READ_SEARCH", [](Facts& f) { take_capability(f, CAP_DAC_READ_SEARCH); },
     Status::limited,
     "not held: OTEL_SERVICE_NAME of other users' processes is not read: their services are named "
     "after the executable",
     "run as root (sudo -E beyla), or grant CAP_DAC_READ_SEARCH"},
    {"CAP_DAC_READ_SEARCH",
     [](Facts& f) {
       take_capability(f, CAP_DAC_READ_SEARCH);
       f.privileges.effective_capabilities |= bit(CAP_DAC_OVERRIDE);
     },
     Status::ok,
     "not held, but CAP_DAC_OVERRIDE includes it: reads OTEL_SERVICE_NAME of other users' "
     "processes",
     ""},
    {"CAP_CHECKPOINT_RESTORE", [](Facts& f) { take_capability(f, CAP_CHECKPOINT_RESTORE); },
     Status::limited,
     "not held: libraries that programs loaded from other than the usual places get no TLS probes",
     "run as root (sudo -E beyla), or grant CAP_CHECKPOINT_RESTORE"},
    {"CAP_NET_BIND_SERVICE", [](Facts&) {}, Status::ok, "not needed: no scrape port below 1024",
     ""},
    {"CAP_NET_BIND_SERVICE", [](Facts& f) { f.settings.settings->prometheus_port = {}; },
     Status::ok, "not needed: no scrape port below 1024", ""},
    {"CAP_NET_BIND_SERVICE", [](Facts& f) { f.settings.settings->prometheus_port = 1023; },
     Status::missing, "not held: scrape port 1023 cannot be bound",
     "choose a BEYLA_PROMETHEUS_PORT of 1024 or more, or grant CAP_NET_BIND_SERVICE"},
    {"CAP_NET_BIND_SERVICE",
     [](Facts& f) {
       f.settings.settings->prometheus_port = 80;
       f.privileges.effective_capabilities |= bit(CAP_NET_BIND_SERVICE);
     },
     Status::ok, "held: binds scrape port 80", ""},
    {"CAP_NET_BIND_SERVICE",
     [](Facts& f) {
       f.settings.settings->prometheus_port = 80;
       f.privileges.first_unprivileged_port = 80;
     },
     Status::ok, "not needed: no scrape port below 80", ""},
    {"CAP_SETUID", [](Facts&) {}, Status::ok, "not needed: not started as root", ""},
    {"CAP_SETUID", [](Facts& f) { become_root(f, bit(CAP_SETUID)); }, Status::ok,
     "held: used once, so that all processes of the agent become nobody", ""},
    {"CAP_SETUID", [](Facts& f) { become_root(f, bit(CAP_SETGID)); }, Status::limited,
     "not held: all processes of the agent keep uid 0", "grant CAP_SETUID"},
    {"CAP_SETGID", [](Facts& f) { become_root(f, bit(CAP_SETUID)); }, Status::limited,
     "not held: all processes of the agent keep uid 0", "grant CAP_SETGID"},
    {"CAP_SETPCAP", [](Facts& f) { become_root(f, bit(CAP_SETPCAP)); }, Status::ok,
     "held: used once, to give up for good what is not needed", ""},
    {"CAP_SETPCAP", [](Facts& f) { become_root(f, 0); }, Status::ok,
     "not held: the bounding set stays as it is; no_new_privs makes it harmless", ""},
    {"enforce_sys_caps", enforce, Status::ok, "on, and all that is needed is held", ""},
    {"enforce_sys_caps",
     [](Facts& f) { take_capability(f, CAP_SYS_PTRACE), take_capability(f, CAP_PERFMON); },
     Status::ok, "off: beyla starts with what is left, and says once what is lost", ""},
    {"enforce_sys_caps",
     [](Facts& f) {
       enforce(f), take_capability(f, CAP_SYS_PTRACE), take_capability(f, CAP_PERFMON);
     },
     Status::missing, "on: the start is refused without CAP_PERFMON, CAP_SYS_PTRACE",
     "grant them, or set enforce_sys_caps to false"},
    {"enforce_sys_caps", [](Facts& f) { enforce(f), become_root(f, bit(CAP_SETGID)); }, Status::ok,
     "on, and all that is needed is held", ""},
    {"enforce_sys_caps", [](Facts& f) { enforce(f), take_capability(f, CAP_DAC_READ_SEARCH); },
     Status::missing, "on: the start is refused without CAP_DAC_READ_SEARCH",
     "grant them, or set enforce_sys_caps to false"},
    {"enforce_sys_caps", [](Facts& f) { enforce(f), take_capability(f, CAP_BPF); }, Status::missing,
     "on: the start is refused without CAP_BPF", "grant them, or set enforce_sys_caps to false"},
    {"enforce_sys_caps", [](Facts& f) { f.settings.selectors = {}; }, Status::ok,
     "off: beyla starts with what is left, and says once what is lost", ""},
    {"no_new_privs", [](Facts& f) { f.privileges.no_new_privs = true; }, Status::ok,
     "set: what is held stays, but capabilities of the executable's file count for nothing", ""},
    {"seccomp filter", [](Facts& f) { f.privileges.seccomp_mode = 2; }, Status::ok,
     "one is active: whether it lets bpf(2) through, `load and attach` tells", ""},
    {"Landlock", [](Facts& f) { f.privileges.landlock_abi = 5; }, Status::limited,
     "ABI 5: confines files and TCP ports; signals and abstract unix sockets are left to users and "
     "seccomp",
     "use Linux 6.12 or newer"},
    {"Landlock", [](Facts& f) { f.privileges.landlock_abi = 4; }, Status::limited,
     "ABI 4: confines files and TCP ports; signals and abstract unix sockets are left to users and "
     "seccomp",
     "use Linux 6.12 or newer"},
    {"Landlock", [](Facts& f) { f.privileges.landlock_abi = 3; }, Status::limited,
     "ABI 3: confines files; TCP ports are left to seccomp, signals and abstract unix sockets to "
     "users and seccomp",
     "use Linux 6.12 or newer"},
    {"Landlock", [](Facts& f) { f.privileges.landlock_abi = 0; }, Status::limited,
     "not in this kernel, or not switched on: files, TCP ports and signals are left to users and "
     "seccomp",
     "use Linux 6.12 or newer, with landlock in the boot parameter lsm="},
    {"user namespace", [](Facts& f) { f.privileges.in_initial_user_namespace = Answer::no; },
     Status::missing, "not the host's: capabilities held here mean nothing to bpf(2)",
     "run outside of user namespaces (no rootless container, no userns-remap)"},
    {"user namespace", [](Facts& f) { f.privileges.in_initial_user_namespace = Answer::unknown; },
     Status::unknown, "/proc/self/ns/user cannot be read", ""},
    {"pid namespace", [](Facts& f) { f.privileges.in_initial_pid_namespace = Answer::no; },
     Status::limited,
     "not the host's: processes outside that run already are not seen; later ones get the name "
     "the kernel knows, and EXECUTABLE_NAME is compared with that name only",
     "share the host's pid namespace (--pid=host, hostPID: true)"},
    {"pid namespace", [](Facts& f) { f.privileges.in_initial_pid_namespace = Answer::unknown; },
     Status::unknown, "/proc/self/ns/pid cannot be read", ""},
    {"other processes in /proc",
     [](Facts& f) { f.privileges.hidepid = "invisible", take_capability(f, CAP_SYS_PTRACE); },
     Status::limited,
     "/proc is mounted with hidepid=invisible: other users' processes are not seen",
     "grant CAP_SYS_PTRACE, or mount /proc without hidepid"},
    {"other processes in /proc", [](Facts& f) { f.privileges.hidepid = "2"; }, Status::ok,
     "all 2 processes are readable", ""},
    {"other processes in /proc", [](Facts& f) { f.scan.processes.clear(); }, Status::limited,
     "/proc shows no process", "mount /proc"},
    {"other processes in /proc",
     [](Facts& f) {
       f.scan.processes[0].executable.clear();
       take_capability(f, CAP_SYS_PTRACE);
     },
     Status::limited, "1 of 2 processes are not readable", "grant CAP_SYS_PTRACE"},
    {"other processes in /proc", [](Facts& f) { f.scan.processes[0].executable.clear(); },
     Status::limited,
     "1 of 2 processes are not readable: the kernel protects them from CAP_SYS_PTRACE, too", ""},
    {"open files limit", [](Facts& f) { f.privileges.open_files_limit = 64; }, Status::limited,
     "64: scrapes may be refused", "ulimit -n 256"},
    {"open files limit", [](Facts& f) { f.privileges.open_files_limit = {}; }, Status::ok,
     "no limit", ""},
    {"locked memory limit", [](Facts& f) { f.kernel.release = "5.10.0-8-amd64"; }, Status::missing,
     "64 KiB: the maps need 32768 KiB", "ulimit -l unlimited (LimitMEMLOCK=infinity)"},
    {"locked memory limit",
     [](Facts& f) { f.kernel.release = "4.19", f.privileges.memory_lock_limit = {}; }, Status::ok,
     "enough for the maps", ""},
};
INSTANTIATE_TEST_SUITE_P(Privileges, SpoiltMachine, testing::ValuesIn(kPrivilegeCases));

const Case kProgramCases[] = {
    {"BPF tracing programs", [](Facts& f) { f.trial = {}; }, Status::ok,
     "the kernel knows them; not tried", ""},
    {"BPF tracing programs", [](Facts& f) { f.trial = {}, forget(f, kTracingPrograms); },
     Status::missing, "the kernel does not know them", "use Linux 6.3 or newer"},
    {"BPF ring buffers", [](Facts& f) { f.bpf.ring_buffer = Answer::no; }, Status::missing,
     "the kernel refuses to make them", "use Linux 6.3 or newer"},
    {"BPF socket storage", [](Facts& f) { f.bpf = {}, hide_btf(f); }, Status::unknown,
     "cannot be told without kernel type information", ""},
    {"BPF queues", [](Facts& f) { f.bpf = {}; }, Status::ok, "the kernel knows them; not tried",
     ""},
    {"BPF task iterators", [](Facts& f) { forget(f, kTaskFileIterator); }, Status::missing,
     "the kernel lacks bpf_iter__task_file", "use Linux 6.3 or newer"},
    {"BPF helper functions", [](Facts& f) { forget(f, kSocketFromFile), forget(f, kToTcpSocket); },
     Status::missing, "the kernel lacks BPF_FUNC_sock_from_file, BPF_FUNC_skc_to_tcp_sock",
     "use Linux 6.3 or newer"},
    {"process tracepoints", hide_btf, Status::unknown,
     "cannot be told without kernel type information", ""},
    {"socket hook tp_btf", [](Facts& f) { forget(f, kSendLength); }, Status::missing,
     "the kernel lacks btf_trace_sock_send_length", "use Linux 6.3 or newer"},
    {"socket hook fentry", [](Facts& f) { forget(f, kTrampolines); }, Status::not_built,
     "not in this version; the kernel offers no trampolines", ""},
    {"socket hook kprobe", [](Facts& f) { f.kernel.kprobe_source = false; }, Status::not_built,
     "not in this version; the kernel offers no kprobes", ""},
    {"io_uring", [](Facts& f) { forget(f, kUringSubmit); }, Status::limited,
     "the kernel lacks btf_trace_io_uring_submit_req: bytes moved by io_uring are counted, not "
     "read (beyla_capture_degraded_total{reason=\"unreadable\"})",
     ""},
    {"uprobes", [](Facts& f) { f.bpf.uprobe_links = Answer::yes; }, Status::ok,
     "all probes of a Go program with one link", ""},
    {"uprobes",
     [](Facts& f) { f.bpf.uprobe_links = Answer::no, f.bpf.uprobe_problem = "it is too old"; },
     Status::limited,
     "it is too old; no probes in Go programs: their TLS, HTTP/2 and gRPC are not seen",
     "use Linux 6.10 or newer"},
    {"uprobes", [](Facts& f) { f.bpf = {}; }, Status::ok,
     "the kernel knows uprobe_multi; not tried", ""},
    {"uprobes", [](Facts& f) { f.bpf = {}, forget(f, kUprobeMulti); }, Status::limited,
     "the kernel has no uprobe_multi; no probes in Go programs: their TLS, HTTP/2 and gRPC are not "
     "seen",
     "use Linux 6.10 or newer"},
    {"load and attach", [](Facts& f) { f.trial = {}; }, Status::unknown,
     "not tried: it needs CAP_BPF and CAP_PERFMON", ""},
    {"load and attach",
     [](Facts& f) { f.trial = {TrialFacts::Reached::nothing, "no", false, false}; },
     Status::missing, "they do not load: no", ""},
    {"load and attach",
     [](Facts& f) {
       f.trial = {TrialFacts::Reached::nothing, "no", false, false};
       f.privileges.seccomp_mode = 2;
     },
     Status::missing, "they do not load: no", "a seccomp filter is active: let it allow bpf(2)"},
    {"load and attach",
     [](Facts& f) { f.trial = {TrialFacts::Reached::loaded, "no", false, false}; }, Status::missing,
     "they load, but do not attach: no", ""},
    {"loopback exchange", [](Facts& f) { f.trial = {}; }, Status::unknown,
     "not tried: the programs are not attached", ""},
    {"loopback exchange",
     [](Facts& f) {
       f.trial = {TrialFacts::Reached::attached, "cannot connect over loopback", false, false};
     },
     Status::unknown, "the test did not happen: cannot connect over loopback",
     "set the loopback interface up (ip link set lo up)"},
    {"loopback exchange", [](Facts& f) { f.trial.sent_seen = false; }, Status::missing,
     "a test over loopback was made, but not captured: what was sent",
     "report it, with this table: the kernel behaves as no kernel that beyla was tried on"},
    {"loopback exchange", [](Facts& f) { f.trial.received_seen = false; }, Status::missing,
     "a test over loopback was made, but not captured: what was received",
     "report it, with this table: the kernel behaves as no kernel that beyla was tried on"},
};
INSTANTIATE_TEST_SUITE_P(Programs, SpoiltMachine, testing::ValuesIn(kProgramCases));

const Case kSettingsCases[] = {
    {"settings", [](Facts& f) { f.settings.settings = {}, f.settings.problem = "OPEN_PORT: `x`"; },
     Status::missing, "OPEN_PORT: `x`", "see docs/configuration.md"},
    {"settings", [](Facts& f) { f.settings.warnings = {"one", "two"}; }, Status::limited,
     "one; two", ""},
    {"selectors", [](Facts& f) { f.settings.selectors = {}; }, Status::missing,
     "none: no process would be selected",
     "set OPEN_PORT or EXECUTABLE_NAME; candidates are listed below"},
    {"selectors", [](Facts& f) { f.settings.selectors->executable_name = "shop"; }, Status::ok,
     "ports 80,8000-8999 and executable path with `shop`", ""},
    {"selectors",
     [](Facts& f) {
       f.settings.selectors->open_port = {};
       f.settings.selectors->executable_name = "shop";
     },
     Status::ok, "executable path with `shop`", ""},
    {"scrape port", [](Facts& f) { f.settings.scrape_port = {}; }, Status::ok, "not asked for", ""},
    {"scrape port",
     [](Facts& f) {
       f.settings.scrape_port = ScrapePortFacts{false, "in use", {process(7, "/srv/depot")}};
     },
     Status::missing, "in use (taken by pid 7 /srv/depot)",
     "choose another BEYLA_PROMETHEUS_PORT, or end what holds it"},
    {"scrape port", [](Facts& f) { f.settings.scrape_port = ScrapePortFacts{false, "in use", {}}; },
     Status::missing, "in use", "choose another BEYLA_PROMETHEUS_PORT, or end what holds it"},
};
INSTANTIATE_TEST_SUITE_P(Settings, SpoiltMachine, testing::ValuesIn(kSettingsCases));

}  // namespace
}  // namespace beyla::agent::doctor
