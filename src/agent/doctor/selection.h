// Which of the running processes the agent would select with these settings, and why; which it
// nearly would, and why not. Pure: from a scan of /proc and the settings.
#pragma once

#include <string>
#include <vector>

#include "agent/config/settings.h"
#include "discover/scan/process_scan.h"

namespace beyla::agent::doctor {

struct Candidate {
  std::uint32_t pid = 0;
  std::string executable;  // the name in parentheses where the path is not readable
  std::string service;     // empty: not selected
  std::string reason;
  bool operator==(const Candidate&) const = default;
};

struct Selection {
  std::vector<Candidate> selected;
  std::vector<Candidate> nearly;
  std::vector<std::string> unseen;  // what privileges keep from being told
};

// own_pid is never selected.
[[nodiscard]] Selection select_processes(const config::Settings& settings,
                                         const discover::scan::ProcessScan& scan,
                                         std::uint32_t own_pid);

// Without a selector: who listens at all.
[[nodiscard]] Selection list_listeners(const discover::scan::ProcessScan& scan,
                                       std::uint32_t own_pid);

[[nodiscard]] std::string shown_executable(const discover::scan::ScannedProcess& process);

}  // namespace beyla::agent::doctor
