#include "agent/broker/spawned_processor.h"

#include <utility>

namespace beyla::broker {

base::Result<ProcessorSource::Started> SpawnedProcessor::start() {
  auto child = TRY(spawner_.spawn(agent::spawn::ChildRole::processor, {}));
  id_ = child.id;
  on_process_(child.pid);
  return Started{std::move(child.channel), child.pid};
}

base::Result<std::optional<ProcessorEnd>> SpawnedProcessor::read_end() {
  // Ends of others: a child whose start came too late to be wanted.
  while (const auto exit = TRY(spawner_.read_exit())) {
    if (exit->id == id_) return ProcessorEnd{exit->exit_code, exit->signal};
  }
  return std::nullopt;
}

}  // namespace beyla::broker
