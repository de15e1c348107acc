#include "discover/discovery.h"

#include <spdlog/spdlog.h>

#include <string_view>
#include <utility>

namespace beyla::discover {
namespace {

constexpr std::size_t kCutNameBytes = 63;  // a kernel's name of that length may go on

bool is_named(std::string_view path, std::string_view name) {
  path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  if (name.size() >= kCutNameBytes) return path.starts_with(name);
  return name.empty() || path == name;
}

// An interpreted script was called by its own path, which is not that of its executable.
const std::string& kernels_path(const model::ProcessStarted& process) {
  const bool is_path = !process.executable_path.empty() &&
                       is_named(process.executable_path, process.executable_name);
  return is_path ? process.executable_path : process.executable_name;
}

}  // namespace

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
  auto facts = inspector_.inspect(process.key);
  // Start times in /proc are too coarse to tell a process from the next of its pid within 10 ms,
  // and do not tell an image from the one that replaced it. If one of both has happened, the record
  // of the end is in the ring already; if not, the path is that of a bind mount, and right.
  if (facts && !is_named(facts->executable_path, process.executable_name)) {
    doubtful_.emplace_back(process, std::move(facts));
    return;
  }
  decide(process, facts);
}

void Discovery::decide(const model::ProcessStarted& process, const Facts& facts) {
  if (targets_.contains(process.key)) return;
  // A process that has ended already keeps the name the kernel gave, so that its requests count;
  // likewise one whose main thread has ended.
  const std::string path = facts ? facts->executable_path : kernels_path(process);
  if (!rules_.matches(path)) {
    if (!facts) {
      const bool is_gone = facts.error() == inspect::NoFacts::gone;
      (is_gone ? counts_.skipped_process_gone : counts_.skipped_not_permitted).add();
    }
    reject(process);
    return;
  }
  model::TargetProcess target{process.key, {}};
  target.service.name =
      namer_.name(path, facts ? facts->otel_service_name : "", process.executable_name);
  targets_.emplace(process.key, target.service.name);
  // The kernel proposes before we look: what we rejected may have been the image before exec.
  map_.select(process.key);
  counts_.selected.add();
  if (const auto left_out = selected_lines_.take(process.time)) {
    if (*left_out != 0) spdlog::info("instrumenting {} processes without a line here", *left_out);
    spdlog::info("instrumenting service={} pid={} executable={}", target.service.name,
                 process.key.pid, path);
  }
  marks_wanted_ = marks_wanted_ || process.may_have_older_sockets;
  sink_.on_selected(target, process.time);
}

void Discovery::reject(const model::ProcessStarted& process) {
  map_.reject(process.key);
  sink_.on_rejected(process.key, process.time);
}

void Discovery::on_exited(const model::ProcessKey& key, base::BootTime time) {
  std::erase_if(doubtful_, [&](const auto& doubtful) {
    if (doubtful.first.key != key) return false;
    decide(doubtful.first, std::unexpected(inspect::NoFacts::gone));
    return true;
  });
  sink_.on_exited(key, time);
  if (targets_.erase(key) == 0) return;
  counts_.ended.add();
  if (const auto left_out = ended_lines_.take(time)) {
    if (*left_out != 0) spdlog::info("{} processes ended without a line here", *left_out);
    spdlog::info("process ended pid={}", key.pid);
  }
}

void Discovery::finish_batch() {
  for (const auto& [process, facts] : std::exchange(doubtful_, {})) decide(process, facts);
  if (!std::exchange(marks_wanted_, false)) return;
  map_.mark_open_sockets();
}

}  // namespace beyla::discover
