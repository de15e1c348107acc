#include "agent/doctor/selection.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstring>
#include <set>

#include "discover/select/service_namer.h"

namespace beyla::agent::doctor {
namespace {

using discover::scan::Listener;
using discover::scan::ProcessScan;
using discover::scan::ScannedProcess;

std::string netns_name(std::uint64_t netns, const ProcessScan& scan) {
  return netns == scan.own_netns_inode ? "of the agent" : fmt::format("{}", netns);
}

std::string listens_on(const Listener& listener, const ProcessScan& scan) {
  return fmt::format("listens on port {} (fd {}, network namespace {})", listener.port, listener.fd,
                     netns_name(listener.netns_inode, scan));
}

std::string all_ports(const ScannedProcess& process) {
  std::set<std::uint16_t> ports;
  for (const auto& listener : process.listeners) ports.insert(listener.port);
  return fmt::format("{}", fmt::join(ports, ", "));
}

// How one process stands to one of the two selectors.
struct Match {
  enum class Is { not_asked, yes, no, hidden };
  Is is = Is::not_asked;
  std::string why;
};

Match match_ports(const config::Settings& settings, const ScannedProcess& process,
                  const ProcessScan& scan) {
  if (!settings.open_port) return {};
  for (const auto& listener : process.listeners) {
    if (settings.open_port->contains(listener.port)) {
      return {Match::Is::yes, listens_on(listener, scan)};
    }
  }
  if (process.sockets_errno != 0) {
    return {Match::Is::hidden, fmt::format("its ports cannot be told: /proc/{}/fd: {}",
                                           process.key.pid, std::strerror(process.sockets_errno))};
  }
  if (process.listeners.empty()) return {Match::Is::no, "it listens on no TCP port"};
  return {Match::Is::no, "it listens on " + all_ports(process) + " only"};
}

Match match_name(const config::Settings& settings, const ScannedProcess& process) {
  const auto& wanted = settings.executable_name;
  if (wanted.empty()) return {};
  if (process.executable.empty()) {
    return {Match::Is::hidden,
            fmt::format("its executable cannot be told: /proc/{}/exe: {}", process.key.pid,
                        std::strerror(process.executable_errno))};
  }
  if (discover::SelectionRules{wanted, {}}.matches(process.executable)) {
    return {Match::Is::yes, fmt::format("path matches `{}`", wanted)};
  }
  return {Match::Is::no, fmt::format("its path does not contain `{}`", wanted)};
}

bool is_met(const Match& match) {
  return match.is == Match::Is::not_asked || match.is == Match::Is::yes;
}

std::string join_reasons(const Match& ports, const Match& name) {
  if (ports.why.empty() || name.why.empty()) return ports.why + name.why;
  return ports.why + ", " + name.why;
}

// One selector says yes and the other does not.
bool is_near(const Match& ports, const Match& name) {
  return ports.is == Match::Is::yes || name.is == Match::Is::yes;
}

void note_hidden(const ProcessScan& scan, const config::Settings* settings,
                 std::vector<std::string>& notes) {
  std::size_t executables = 0;
  std::size_t sockets = 0;
  for (const auto& process : scan.processes) {
    executables += process.executable.empty() ? 1 : 0;
    sockets += process.sockets_errno != 0 ? 1 : 0;
  }
  if (sockets != 0) {
    notes.push_back(fmt::format("{} processes hide their ports (/proc/PID/fd)", sockets));
  }
  if (executables != 0) {
    notes.push_back(fmt::format("{} processes hide their executable (/proc/PID/exe)", executables));
  }
  for (const auto& listener : scan.unowned) {
    if (settings != nullptr &&
        !(settings->open_port && settings->open_port->contains(listener.port))) {
      continue;
    }
    notes.push_back(
        fmt::format("port {} (network namespace {}) is listened on by a process that "
                    "cannot be told",
                    listener.port, netns_name(listener.netns_inode, scan)));
  }
}

}  // namespace

std::string shown_executable(const ScannedProcess& process) {
  return process.executable.empty() ? "(" + process.name + ")" : process.executable;
}

Selection select_processes(const config::Settings& settings, const ProcessScan& scan,
                           std::uint32_t own_pid) {
  Selection selection;
  discover::ServiceNamer namer(settings.service_name);
  for (const auto& process : scan.processes) {
    if (process.key.pid == own_pid) continue;
    const Match ports = match_ports(settings, process, scan);
    const Match name = match_name(settings, process);
    Candidate candidate{process.key.pid, shown_executable(process), {}, join_reasons(ports, name)};
    if (is_met(ports) && is_met(name)) {
      // As the agent does: where the path is hidden, the kernel's own name stands for it.
      const auto& path = process.executable.empty() ? process.name : process.executable;
      candidate.service = namer.name(path, process.own_service_name, process.name);
      selection.selected.push_back(std::move(candidate));
    } else if (is_near(ports, name)) {
      selection.nearly.push_back(std::move(candidate));
    }
  }
  note_hidden(scan, &settings, selection.unseen);
  return selection;
}

Selection list_listeners(const ProcessScan& scan, std::uint32_t own_pid) {
  Selection selection;
  for (const auto& process : scan.processes) {
    if (process.key.pid == own_pid || process.listeners.empty()) continue;
    selection.nearly.push_back(
        {process.key.pid, shown_executable(process), {}, "listens on " + all_ports(process)});
  }
  note_hidden(scan, nullptr, selection.unseen);
  return selection;
}

}  // namespace beyla::agent::doctor
