#include "discover/discovery.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace beyla::discover {
Discovery::Discovery(SelectionRules rules, inspect::ProcessInspector inspector,
                     model::TargetMap& map, model::TargetSink& sink, DiscoveryCounts& counts)
    : rules_(std::move(rules)),
      namer_(rules_.service_name),
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
  if (!rules_.matches(path)) {
    reject(process);
    return;
  }
  model::TargetProcess target{process.key, {}};
  target.service.name =
      namer_.name(path, facts ? facts->otel_service_name : "", process.executable_name);
  targets_.emplace(process.key, target.service.name);
  // The kernel proposes before we look: what we rejected may have been the image before exec.
  map_.select(process.key.pid);
  counts_.selected.add();
  spdlog::info("instrumenting service={} pid={} executable={}", target.service.name,
               process.key.pid, path);
  marks_wanted_ = marks_wanted_ || process.may_have_older_sockets;
  sink_.on_selected(target, process.time);
}

void Discovery::reject(const model::ProcessStarted& process) {
  // The map knows pids only: a late decision must not hit the next process of that pid.
  if (!inspector_.is_reused(process.key)) map_.reject(process.key.pid);
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
