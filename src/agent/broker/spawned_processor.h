// A processor that the spawner forks. Control thread only.
#pragma once

#include "agent/broker/processor_source.h"
#include "agent/spawn/spawner.h"

namespace beyla::broker {

class SpawnedProcessor final : public ProcessorSource {
 public:
  explicit SpawnedProcessor(agent::spawn::Spawner& spawner) : spawner_(spawner) {}

  base::Result<Started> start() override;
  void kill() override { spawner_.kill(id_); }
  [[nodiscard]] int fd() const override { return spawner_.fd(); }
  base::Result<std::optional<ProcessorEnd>> read_end() override;

 private:
  agent::spawn::Spawner& spawner_;
  std::uint64_t id_ = 0;
};

}  // namespace beyla::broker
