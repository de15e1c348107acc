#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <initializer_list>
#include <vector>

#include "agent/doctor/btf_names.h"
#include "agent/doctor/capabilities.h"
#include "agent/doctor/checks.h"

namespace beyla::agent::doctor {
namespace {

constexpr int kSeccompFilter = 2;  // SECCOMP_MODE_FILTER, linux/seccomp.h
constexpr std::string_view kNewerKernel = "use Linux 6.3 or newer";

bool knows(const Facts& facts, std::string_view name) {
  return facts.kernel.btf_names.contains(name);
}

std::vector<std::string_view> absent(const Facts& facts,
                                     std::initializer_list<std::string_view> names) {
  std::vector<std::string_view> result;
  for (const auto name : names) {
    if (!knows(facts, name)) result.push_back(name);
  }
  return result;
}

constexpr std::string_view kNoTypes = "cannot be told without kernel type information";

// `asked`: what bpf(2) said itself; the type information answers where it was not asked.
Verdict judge_kind(const Facts& facts, Answer asked, std::string_view name) {
  if (asked == Answer::yes) return {Status::ok, "the kernel makes them", {}};
  if (asked == Answer::no) {
    return {Status::missing, "the kernel refuses to make them", std::string(kNewerKernel)};
  }
  if (!facts.kernel.btf_readable) return {Status::unknown, std::string(kNoTypes), {}};
  if (knows(facts, name)) return {Status::ok, "the kernel knows them; not tried", {}};
  return {Status::missing, "the kernel does not know them", std::string(kNewerKernel)};
}

// libbpf's own probe of this type compares the kernel's error text, which changes with the kernel.
Verdict judge_tracing(const Facts& facts) {
  const bool loaded = facts.trial.reached >= TrialFacts::Reached::loaded;
  return judge_kind(facts, loaded ? Answer::yes : Answer::unknown, kTracingPrograms);
}
Verdict judge_ring_buffer(const Facts& facts) {
  return judge_kind(facts, facts.bpf.ring_buffer, kRingBuffer);
}
Verdict judge_socket_storage(const Facts& facts) {
  return judge_kind(facts, facts.bpf.socket_storage, kSocketStorage);
}
Verdict judge_queue(const Facts& facts) { return judge_kind(facts, facts.bpf.queue, kQueue); }

// A row that needs all of `names` in the type information.
Verdict judge_names(const Facts& facts, std::initializer_list<std::string_view> names,
                    std::string_view present) {
  if (!facts.kernel.btf_readable) return {Status::unknown, std::string(kNoTypes), {}};
  const auto lacking = absent(facts, names);
  if (lacking.empty()) return {Status::ok, std::string(present), {}};
  return {Status::missing, fmt::format("the kernel lacks {}", fmt::join(lacking, ", ")),
          std::string(kNewerKernel)};
}

Verdict judge_iterators(const Facts& facts) {
  return judge_names(facts, {kTaskIterator, kTaskFileIterator},
                     "processes and sockets older than the agent are found");
}
Verdict judge_helpers(const Facts& facts) {
  return judge_names(facts, {kTaskRegisters, kSocketFromFile, kSocketStorageGet, kToTcpSocket},
                     "all that the programs call");
}
Verdict judge_process_hooks(const Facts& facts) {
  return judge_names(facts, {kProcessExec, kProcessFork, kProcessExit},
                     "sched_process_exec, _fork and _exit");
}
Verdict judge_tp_btf(const Facts& facts) {
  return judge_names(
      facts, {kSendLength, kReceiveLength, kSocketState, kDataReady},
      "chosen: sock_send_length, sock_recv_length, inet_sock_set_state, sk_data_ready");
}

// A variant that later versions may have: what this kernel would offer it.
Verdict not_built(std::string_view offer) {
  return {Status::not_built, fmt::format("not in this version; {}", offer), {}};
}

Verdict judge_fentry(const Facts& facts) {
  if (!facts.kernel.btf_readable) return not_built(kNoTypes);
  const bool offered = absent(facts, {kFentryAttach, kTrampolines}).empty();
  return not_built(offered ? "the kernel offers trampolines" : "the kernel offers no trampolines");
}
Verdict judge_kprobe(const Facts& facts) {
  return not_built(facts.kernel.kprobe_source ? "the kernel offers kprobes"
                                              : "the kernel offers no kprobes");
}
Verdict judge_syscall(const Facts&) { return not_built("every kernel offers it"); }

// Optional: an older kernel, or one without io_uring, is watched all the same.
Verdict judge_io_uring(const Facts& facts) {
  if (!facts.kernel.btf_readable) return {Status::unknown, std::string(kNoTypes), {}};
  const auto lacking = absent(facts, {kUringFileGet, kUringSubmit});
  if (lacking.empty()) return {Status::ok, "io_uring_file_get, io_uring_submit_req", {}};
  return {Status::limited,
          fmt::format("the kernel lacks {}: bytes moved by io_uring are counted, not read "
                      "(beyla_capture_degraded_total{{reason=\"unreadable\"}})",
                      fmt::join(lacking, ", ")),
          {}};
}

// Without them Go programs are seen by their sockets only, like any other.
Verdict judge_uprobes(const Facts& facts) {
  constexpr std::string_view kLost =
      "no probes in Go programs: their TLS, HTTP/2 and gRPC are not seen";
  constexpr std::string_view kFix = "use Linux 6.10 or newer";
  switch (facts.bpf.uprobe_links) {
    case Answer::yes: return {Status::ok, "all probes of a Go program with one link", {}};
    case Answer::no:
      return {Status::limited, fmt::format("{}; {}", facts.bpf.uprobe_problem, kLost),
              std::string(kFix)};
    case Answer::unknown: break;
  }
  if (!facts.kernel.btf_readable) return {Status::unknown, std::string(kNoTypes), {}};
  if (knows(facts, kUprobeMulti))
    return {Status::ok, "the kernel knows uprobe_multi; not tried", {}};
  return {Status::limited, fmt::format("the kernel has no uprobe_multi; {}", kLost),
          std::string(kFix)};
}

Verdict judge_trial(const Facts& facts) {
  const auto& trial = facts.trial;
  using Reached = TrialFacts::Reached;
  switch (trial.reached) {
    case Reached::not_tried:
      return {Status::unknown, "not tried: it needs CAP_BPF and CAP_PERFMON", {}};
    case Reached::nothing: {
      const bool is_filtered = facts.privileges.seccomp_mode == kSeccompFilter;
      return {Status::missing, "they do not load: " + trial.problem,
              is_filtered ? "a seccomp filter is active: let it allow bpf(2)" : ""};
    }
    case Reached::loaded:
      return {Status::missing, "they load, but do not attach: " + trial.problem, {}};
    case Reached::attached: break;
  }
  return {Status::ok, "they load and attach", {}};
}

Verdict judge_exchange(const Facts& facts) {
  const auto& trial = facts.trial;
  if (trial.reached != TrialFacts::Reached::attached) {
    return {Status::unknown, "not tried: the programs are not attached", {}};
  }
  if (trial.received_seen && trial.sent_seen) {
    return {Status::ok, "question and answer of a test over loopback were captured", {}};
  }
  if (!trial.problem.empty()) {
    return {Status::unknown, "the test did not happen: " + trial.problem,
            "set the loopback interface up (ip link set lo up)"};
  }
  const std::string_view lacking = trial.received_seen ? "what was sent"
                                   : trial.sent_seen   ? "what was received"
                                                       : "both directions";
  return {Status::missing,
          fmt::format("a test over loopback was made, but not captured: {}", lacking),
          "report it, with this table: the kernel behaves as no kernel that beyla was tried on"};
}

constexpr std::array kChecks = {
    Check{"BPF tracing programs", judge_tracing},
    Check{"BPF ring buffers", judge_ring_buffer},
    Check{"BPF socket storage", judge_socket_storage},
    Check{"BPF queues", judge_queue},
    Check{"BPF task iterators", judge_iterators},
    Check{"BPF helper functions", judge_helpers},
    Check{"process tracepoints", judge_process_hooks},
    Check{"socket hook tp_btf", judge_tp_btf},
    Check{"socket hook fentry", judge_fentry},
    Check{"socket hook kprobe", judge_kprobe},
    Check{"socket hook syscall", judge_syscall},
    Check{"io_uring", judge_io_uring},
    Check{"uprobes", judge_uprobes},
    Check{"load and attach", judge_trial},
    Check{"loopback exchange", judge_exchange},
};

}  // namespace

std::span<const Check> program_checks() { return kChecks; }

}  // namespace beyla::agent::doctor
