// Everything that the doctor judges, gathered beforehand: so every verdict can be tested without
// the kernel or the privileges it speaks of. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/config/settings.h"
#include "discover/scan/process_scan.h"

namespace beyla::agent::doctor {

enum class Answer { unknown, no, yes };

enum class Lockdown { unknown, none, integrity, confidentiality };

struct KernelFacts {
  std::string release;
  std::string machine;
  bool btf_readable = false;
  std::string btf_problem;  // why not
  // Which of the names that the checks ask for (see btf_names.h) the type information has.
  std::set<std::string, std::less<>> btf_names;
  Answer built_with_btf = Answer::unknown;  // CONFIG_DEBUG_INFO_BTF
  Lockdown lockdown = Lockdown::unknown;
  std::optional<long> unprivileged_bpf_disabled;
  std::optional<long> perf_event_paranoid;
  bool kprobe_source = false;  // the perf event sources of the kernel
  bool uprobe_source = false;
};

struct PrivilegeFacts {
  std::uint64_t effective_capabilities = 0;  // bit n: capability n of linux/capability.h
  Answer in_initial_user_namespace = Answer::unknown;
  Answer in_initial_pid_namespace = Answer::unknown;
  std::string hidepid;  // value of the mount option of /proc; empty: not set
  std::uint32_t effective_uid = 0;
  bool no_new_privs = false;
  int seccomp_mode = 0;                            // linux/seccomp.h
  int landlock_abi = 0;                            // 0: the kernel has none, or it is off
  std::uint32_t first_unprivileged_port = 1024;    // of our network namespace
  std::optional<std::uint64_t> open_files_limit;   // nullopt: unlimited
  std::optional<std::uint64_t> memory_lock_limit;  // bytes; nullopt: unlimited
};

// What bpf(2) itself says; `unknown` where we may not ask.
struct BpfFacts {
  Answer ring_buffer = Answer::unknown;
  Answer socket_storage = Answer::unknown;
  Answer queue = Answer::unknown;
  Answer uprobe_links = Answer::unknown;  // those that Go probes need
  std::string uprobe_problem;             // why not
};

struct TrialFacts {
  enum class Reached { not_tried, nothing, loaded, attached };
  Reached reached = Reached::not_tried;
  std::string problem;  // what ended it, also of the exchange
  bool received_seen = false;
  bool sent_seen = false;
};

struct ScrapePortFacts {
  bool is_free = false;
  std::string problem;                                  // the error that the agent would print
  std::vector<discover::scan::ScannedProcess> holders;  // who listens on it in our namespace
};

struct SettingsFacts {
  std::optional<config::Settings> settings;  // nullopt: refused
  std::string problem;                       // why
  std::vector<std::string> warnings;
  // What selects processes, also when the rest was refused.
  std::optional<config::Settings> selectors;
  std::optional<ScrapePortFacts> scrape_port;  // only when one is asked for
};

struct Facts {
  KernelFacts kernel;
  PrivilegeFacts privileges;
  BpfFacts bpf;
  TrialFacts trial;
  SettingsFacts settings;
  discover::scan::ProcessScan scan;
};

}  // namespace beyla::agent::doctor
