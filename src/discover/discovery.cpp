#include "discover/discovery.h"

#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

namespace beyla::discover {
namespace {

std::string base_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace

Discovery::Discovery(SelectionRules rules, inspect::ProcessInspector inspector,
                     model::TargetMap& map, model::TargetSink& sink, DiscoveryCounts& counts)
    : rules_(std::move(rules)),
      inspector_(std::move(inspector)),
      map_(map),
      sink_(sink),
      counts_(counts) {}

void Discovery::on_started(const model::ProcessStarted& process) {
  if (targets_.contains(process.key)) return;
  const auto facts = inspector_.inspect(process.key);
  if (!facts && !rules_.executable_name.empty()) {
    counts_.skipped_process_gone.add();
    reject(process);
    return;
  }
  // A process that has ended already keeps the name the kernel gave, so that its requests count.
  const std::string path = facts ? facts->executable_path : process.executable_name;
  if (path.find(rules_.executable_name) == std::string::npos) {
    reject(process);
    return;
  }
  model::TargetProcess target{process.key, {}};
  target.service.name = service_name(process, path, facts ? facts->otel_service_name : "");
  targets_.emplace(process.key, target.service.name);
  // The kernel proposes before we look: what we rejected may have been the image before exec.
  map_.select(process.key.pid);
  counts_.selected.add();
  spdlog::info("instrumenting service={} pid={} executable={}", target.service.name,
               process.key.pid, path);
  marks_wanted_ = marks_wanted_ || process.may_have_older_sockets;
  sink_.on_selected(target, process.time);
}

std::string Discovery::service_name(const model::ProcessStarted& process, const std::string& path,
                                    const std::string& own_name) {
  if (!own_name.empty()) return own_name;
  if (first_executable_.empty()) first_executable_ = path;
  if (!rules_.service_name.empty() && path == first_executable_) return rules_.service_name;
  const std::string name = base_name(path);
  return name.empty() ? "unknown_service:" + process.executable_name : name;
}

void Discovery::reject(const model::ProcessStarted& process) {
  map_.reject(process.key.pid);
  sink_.on_rejected(process.key, process.time);
}

void Discovery::on_exited(const model::ProcessKey& key, base::BootTime time) {
  sink_.on_exited(key, time);
  if (targets_.erase(key) == 0) return;
  counts_.ended.add();
  spdlog::info("process ended pid={}", key.pid);
}

void Discovery::finish_batch() {
  if (!std::exchange(marks_wanted_, false)) return;
  map_.mark_open_sockets();
}

}  // namespace beyla::discover
