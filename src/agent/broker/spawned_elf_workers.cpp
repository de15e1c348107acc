#include "agent/broker/spawned_elf_workers.h"

#include <array>
#include <utility>

namespace beyla::broker {

base::Result<ElfWorkers::Started> SpawnedElfWorkers::start(int exe_fd) {
  while (reads_exits_ && TRY(spawner_.read_exit())) {
  }
  auto child = TRY(spawner_.spawn(agent::spawn::ChildRole::elf_worker, std::array{exe_fd}));
  return Started{child.id, std::move(child.channel)};
}

}  // namespace beyla::broker
