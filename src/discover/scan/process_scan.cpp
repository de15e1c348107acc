#include "discover/scan/process_scan.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "discover/inspect/proc_files.h"
#include "discover/inspect/process_inspector.h"
#include "discover/scan/listen_table.h"

namespace beyla::discover::scan {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxStatBytes = 4096;
constexpr std::size_t kMaxTableBytes = 64U << 20U;  // some 400,000 sockets

struct OpenSocket {
  std::uint64_t inode = 0;
  int fd = -1;
};

struct Draft {
  ScannedProcess process;
  std::vector<OpenSocket> sockets;
};

std::optional<std::uint32_t> decimal(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::uint32_t> process_ids(const std::string& proc_root) {
  std::vector<std::uint32_t> pids;
  std::error_code error;
  for (fs::directory_iterator entry(proc_root, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (const auto pid = decimal(entry->path().filename().native())) pids.push_back(*pid);
  }
  std::ranges::sort(pids);
  return pids;
}

// errno of what kept the descriptors from being read, or 0.
int read_sockets(const std::string& folder, std::vector<OpenSocket>& sockets) {
  std::error_code error;
  for (fs::directory_iterator entry(folder + "/fd", error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const auto fd = decimal(entry->path().filename().native());
    const auto link = inspect::read_link(entry->path().native());
    if (!link && link.error() != ENOENT) return link.error();  // ENOENT: closed meanwhile
    if (!fd || !link) continue;
    if (const auto inode = inspect::inode_of_link(*link, "socket")) {
      sockets.push_back({*inode, static_cast<int>(*fd)});
    }
  }
  return error.value();
}

std::optional<Draft> look_at(const std::string& proc_root, std::uint32_t pid) {
  const std::string folder = proc_root + "/" + std::to_string(pid);
  Draft draft;
  auto& process = draft.process;
  const std::string stat = inspect::read_file(folder + "/stat", kMaxStatBytes);
  const auto ticks = inspect::start_ticks(stat);
  if (!ticks || inspect::is_kernel_thread(stat)) return std::nullopt;
  process.key = {pid, 0, *ticks * inspect::kNsPerTick};
  process.name = inspect::stat_name(stat);
  const auto link = inspect::read_link(folder + "/exe");
  if (!link && (link.error() == ENOENT || link.error() == ESRCH)) return std::nullopt;
  if (!link) {
    process.executable_errno = link.error();
  } else if (auto facts = inspect::ProcessInspector(proc_root).inspect(process.key)) {
    process.executable = std::move(facts->executable_path);
    process.own_service_name = std::move(facts->otel_service_name);
  } else {
    return std::nullopt;
  }
  process.sockets_errno = read_sockets(folder, draft.sockets);
  return draft;
}

using TableByNetns = std::map<std::uint64_t, PortByInode>;

void read_tables(const std::string& folder, TableByNetns& tables) {
  const auto link = inspect::read_link(folder + "/ns/net");
  const auto netns = link ? inspect::inode_of_link(*link, "net") : std::nullopt;
  if (!netns || tables.contains(*netns)) return;
  auto& listeners = tables[*netns];
  for (const char* table : {"/net/tcp", "/net/tcp6"}) {
    add_listeners(inspect::read_file(folder + table, kMaxTableBytes), listeners);
  }
}

// A socket's own namespace: a process may hold sockets of another one than it runs in.
std::optional<Listener> find_listener(const TableByNetns& tables, const OpenSocket& socket) {
  for (const auto& [netns, listeners] : tables) {
    const auto found = listeners.find(socket.inode);
    if (found != listeners.end()) return Listener{found->second, socket.fd, netns};
  }
  return std::nullopt;
}

void match_sockets(Draft& draft, const TableByNetns& tables, std::set<std::uint64_t>& owned) {
  for (const auto& socket : draft.sockets) {
    const auto listener = find_listener(tables, socket);
    if (!listener) continue;
    owned.insert(socket.inode);
    draft.process.listeners.push_back(*listener);
  }
  std::ranges::sort(draft.process.listeners, [](const Listener& left, const Listener& right) {
    return std::tie(left.port, left.fd) < std::tie(right.port, right.fd);
  });
}

}  // namespace

ProcessScan scan_processes(const std::string& proc_root) {
  ProcessScan scan;
  std::vector<Draft> drafts;
  TableByNetns tables;
  read_tables(proc_root + "/self", tables);
  if (!tables.empty()) scan.own_netns_inode = tables.begin()->first;
  for (const std::uint32_t pid : process_ids(proc_root)) {
    if (auto draft = look_at(proc_root, pid)) drafts.push_back(*std::move(draft));
    read_tables(proc_root + "/" + std::to_string(pid), tables);
  }
  std::set<std::uint64_t> owned;
  for (auto& draft : drafts) {
    match_sockets(draft, tables, owned);
    scan.processes.push_back(std::move(draft.process));
  }
  for (const auto& [netns, listeners] : tables) {
    for (const auto& [inode, port] : listeners) {
      if (!owned.contains(inode)) scan.unowned.push_back({netns, port});
    }
  }
  std::ranges::sort(scan.unowned, [](const auto& left, const auto& right) {
    return std::tie(left.netns_inode, left.port) < std::tie(right.netns_inode, right.port);
  });
  return scan;
}

}  // namespace beyla::discover::scan
