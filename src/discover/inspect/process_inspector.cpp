#include "discover/inspect/process_inspector.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/byte_reader.h"
#include "discover/inspect/proc_files.h"

namespace beyla::discover::inspect {
namespace {

constexpr std::size_t kMaxEnvironmentBytes = 256 * 1024;
constexpr std::size_t kMaxServiceNameBytes = 255;
constexpr std::size_t kMaxStatBytes = 4096;

}  // namespace

std::string environment_value(std::string_view block, std::string_view name) {
  while (!block.empty()) {
    const std::string_view entry = block.substr(0, block.find('\0'));
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string(entry.substr(name.size() + 1, kMaxServiceNameBytes));
    }
    block.remove_prefix(std::min(entry.size() + 1, block.size()));
  }
  return {};
}

std::string ProcessInspector::file(std::uint32_t pid, const char* name) const {
  return proc_root_ + "/" + std::to_string(pid) + "/" + name;
}

bool ProcessInspector::is_same_process(const model::ProcessKey& key) const {
  const auto ticks = start_ticks(read_file(file(key.pid, "stat"), kMaxStatBytes));
  return ticks && *ticks == key.start_ns / kNsPerTick;
}

bool ProcessInspector::is_bare_fork(std::uint32_t pid) const {
  return is_fork_without_exec(read_file(file(pid, "stat"), kMaxStatBytes));
}

std::expected<ProcessFacts, NoFacts> ProcessInspector::inspect(const model::ProcessKey& key) const {
  ProcessFacts facts;
  auto path = read_link(file(key.pid, "exe"));
  if (!path && path.error() == EACCES) return std::unexpected(NoFacts::not_permitted);
  if (!path || path->empty()) return std::unexpected(NoFacts::gone);
  facts.executable_path = without_deleted(*std::move(path));
  const base::PrivateBytes environment =
      read_private_file(file(key.pid, "environ"), kMaxEnvironmentBytes);
  facts.otel_service_name =
      environment_value(base::as_text(environment.view()), "OTEL_SERVICE_NAME");
  if (!is_same_process(key)) return std::unexpected(NoFacts::gone);
  return facts;
}

}  // namespace beyla::discover::inspect
