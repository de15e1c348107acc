// The side with powers, while it runs: process events in, decisions out to the kernel, targets out
// to the processor. One thread.
#pragma once

#include <cstdint>
#include <functional>

#include "agent/broker/broker_books.h"
#include "agent/broker/elf_workers.h"
#include "agent/broker/probe_choice.h"
#include "agent/broker/processor_keeper.h"
#include "agent/broker/processor_source.h"
#include "base/result.h"
#include "discover/discovery.h"
#include "probes/loader/kernel_probes.h"

namespace beyla::broker {

struct BrokerParts {
  probes::loader::KernelProbes& probes;  // loaded, not attached
  ProcessorSource& source;
  StartKit& kit;  // complete but for what the broker itself adds: maps, ledger, books
  discover::SelectionRules rules;
  ProcessorKeeper::Options keeper;
  ElfWorkers* elf_workers = nullptr;  // null: no probes that need one
  ProbeWants probe_wants;
  std::uint64_t capabilities_missing = 0;  // bit by number
  int signals = -1;                        // signalfd: the first signal ends the agent
  // Called once, when all is attached: gives up what only the start needed.
  std::function<base::Result<void>()> after_start;
};

// Until a signal, or until it cannot go on. Out: the exit code; of what ended it once it had
// started the operator has been told. An error: it could not start.
[[nodiscard]] base::Result<int> run_broker(BrokerParts parts);

}  // namespace beyla::broker
