// A processor that the spawner forks. Control thread only.
#pragma once

#include <functional>
#include <utility>

#include "agent/broker/processor_source.h"
#include "agent/spawn/spawner.h"

namespace beyla::broker {

class SpawnedProcessor final : public ProcessorSource {
 public:
  // on_process gets the pid of each one, before anything is sent to it.
  SpawnedProcessor(agent::spawn::Spawner& spawner, std::function<void(pid_t)> on_process)
      : spawner_(spawner), on_process_(std::move(on_process)) {}

  base::Result<Started> start() override;
  void kill() override { spawner_.kill(id_); }
  [[nodiscard]] int fd() const override { return spawner_.fd(); }
  base::Result<std::optional<ProcessorEnd>> read_end() override;

 private:
  agent::spawn::Spawner& spawner_;
  std::function<void(pid_t)> on_process_;
  std::uint64_t id_ = 0;
};

}  // namespace beyla::broker
