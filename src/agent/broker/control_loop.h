// The control side's thread: process events and signals, until it is told to end.
#pragma once

#include "base/counter.h"
#include "base/fd.h"
#include "base/result.h"
#include "discover/discovery.h"
#include "probes/loader/kernel_probes.h"

namespace beyla::agent {

// Blocks SIGINT and SIGTERM for this thread and those it starts; they arrive through the fd.
[[nodiscard]] base::Result<base::Fd> take_over_signals();
// From now on they act as usual: a second one ends the process at once.
void give_signals_back();

// Feeds Discovery from the kernel.
class ProcessFeed final : public probes::loader::ProcessEventSink {
 public:
  explicit ProcessFeed(discover::Discovery& discovery) : discovery_(discovery) {}
  void on_started(const model::ProcessStarted& process) override { discovery_.on_started(process); }
  void on_exited(const model::ProcessKey& key, base::BootTime time) override {
    discovery_.on_exited(key, time);
  }

 private:
  discover::Discovery& discovery_;
};

// Returns when a signal has come, or `failed_fd` becomes readable.
[[nodiscard]] base::Result<void> run_control_loop(probes::loader::KernelProbes& probes,
                                                  discover::Discovery& discovery, int signals,
                                                  int failed_fd);

}  // namespace beyla::agent
