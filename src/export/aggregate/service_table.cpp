#include "export/aggregate/service_table.h"

#include <algorithm>

namespace beyla::exporters::aggregate {

void ServiceTable::process_started(const model::ProcessKey& key, std::string_view service,
                                   base::BootTime time) {
  if (const auto old = process_by_pid_.find(key.pid); old != process_by_pid_.end()) end(old, time);
  if (process_by_pid_.size() == kMaxProcesses) return;
  ServiceState& state = find_or_add(service);
  ++state.processes;
  state.last_seen = std::max(state.last_seen, time);
  process_by_pid_.emplace(key.pid, Process{key, &state});
}

void ServiceTable::process_ended(const model::ProcessKey& key, base::BootTime time) {
  const auto found = process_by_pid_.find(key.pid);
  if (found != process_by_pid_.end() && found->second.key == key) end(found, time);
}

void ServiceTable::others_ended(const model::ProcessKey& key, base::BootTime time) {
  const auto found = process_by_pid_.find(key.pid);
  if (found != process_by_pid_.end() && found->second.key != key) end(found, time);
}

void ServiceTable::end(std::unordered_map<std::uint32_t, Process>::iterator process,
                       base::BootTime time) {
  ServiceState& service = *process->second.service;
  process_by_pid_.erase(process);
  service.last_seen = std::max(service.last_seen, time);
  if (--service.processes != 0) return;
  if (service.series == 0) {
    services_.erase(services_.find(service.name));
  } else {
    note_due(service);
  }
}

ServiceState& ServiceTable::open(std::string_view name, base::BootTime time) {
  ServiceState& service = find_or_add(name);
  service.last_seen = std::max(service.last_seen, time);
  if (service.processes == 0) note_due(service);
  return service;
}

void ServiceTable::forget_over(base::BootTime now) {
  std::erase_if(services_, [&](const auto& entry) { return is_over(entry.second, now); });
  next_due_.reset();
  for (const auto& [name, service] : services_) {
    if (service.processes == 0) note_due(service);
  }
}

ServiceState& ServiceTable::find_or_add(std::string_view name) {
  const auto found = services_.find(name);
  if (found != services_.end()) return found->second;
  ServiceState& added = services_[std::string(name)];
  added.name = name;
  return added;
}

void ServiceTable::note_due(const ServiceState& service) {
  const base::BootTime due = service.last_seen + ttl_;
  next_due_ = next_due_ ? std::min(*next_due_, due) : due;
}

}  // namespace beyla::exporters::aggregate
