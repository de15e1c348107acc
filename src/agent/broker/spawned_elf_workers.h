// ELF workers by the spawner. Control thread only.
#pragma once

#include "agent/broker/elf_workers.h"
#include "agent/spawn/spawner.h"

namespace beyla::broker {

class SpawnedElfWorkers final : public ElfWorkers {
 public:
  // reads_exits: nobody else reads the spawner's exit reports, which would fill it up.
  SpawnedElfWorkers(agent::spawn::Spawner& spawner, bool reads_exits)
      : spawner_(spawner), reads_exits_(reads_exits) {}

  base::Result<Started> start(int exe_fd) override;
  void kill(std::uint64_t id) override { spawner_.kill(id); }

 private:
  agent::spawn::Spawner& spawner_;
  bool reads_exits_;
};

}  // namespace beyla::broker
