// Keeps one processor running: starts it, tells it of the targets, listens to its requests, starts
// another when it ends. What all of them share (rings, maps, ledger, listening socket) is in the
// StartKit. Control thread only.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>

#include "agent/broker/processor_source.h"
#include "agent/broker/request_desk.h"
#include "agent/broker/request_reader.h"
#include "agent/broker/restart_policy.h"
#include "agent/broker/start_kit.h"
#include "agent/broker/target_outbox.h"
#include "agent/broker/watchdog.h"
#include "base/counter.h"
#include "model/target.h"

namespace beyla::broker {

// A processor that ends with it has told the operator why no other one could do better. Obeyed only
// where none would be started anyway: who takes one over must not end the agent.
inline constexpr int kExitFinal = 2;

class ProcessorKeeper final : public RequestListener {
 public:
  // From the end of its channel to its own end, which comes at once if nothing is wrong with it.
  static constexpr std::chrono::seconds kEndGrace{1};

  struct Options {
    RequestPolicy policy;
    // False: its first end is final. A recording cannot be continued, a thread not be replaced.
    bool may_restart = true;
    // Looks for TLS code that a process has loaded since; null: no probes in programs.
    std::function<void(const model::ProcessKey&)> look_for_tls;
  };

  // Borrows all of them.
  ProcessorKeeper(ProcessorSource& source, const StartKit& kit, TargetOutbox& outbox,
                  model::TargetMap& map, Options options);

  // The first one. An error is final.
  [[nodiscard]] base::Result<void> start(base::BootTime now);
  // It drains what there is and ends; no other is started.
  void stop();
  [[nodiscard]] bool stopped() const { return stopping_ && !running_; }
  void kill() { source_.kill(); }

  // For poll(): -1 or 0: nothing.
  [[nodiscard]] int channel_fd() const { return channel_.get(); }
  [[nodiscard]] short channel_events(base::BootTime now) const;
  [[nodiscard]] int source_fd() const { return source_.fd(); }
  // When turn() has something to do without any fd; nullopt: never.
  [[nodiscard]] std::optional<base::BootTime> due(base::BootTime now) const;
  // Whatever can be done now. Out: the exit code, where the agent must end. An error is final.
  [[nodiscard]] base::Result<std::optional<int>> turn(base::BootTime now);
  // Ends one that has hung, where another may follow. With the ring as it is now.
  void watch(const RingPositions& ring, base::BootTime now);

  [[nodiscard]] const RequestCounts& request_counts() const { return desk_.counts(); }
  [[nodiscard]] std::uint64_t restarts() const { return restarts_; }

  void on_ready() override { watchdog_.on_ready(); }
  void on_delivered() override { restart_policy_.on_delivered(); }
  [[nodiscard]] bool attach(const model::ProcessKey& process, abi::probe_set probes) override;
  void answer(const abi::request_answer& answer) override { outbox_.answer(answer); }

 private:
  [[nodiscard]] bool is_deaf(base::BootTime now) const;
  void read_requests(base::BootTime now);
  void end_it(const char* why);
  void close_channel();
  [[nodiscard]] base::Result<std::optional<int>> on_ended(const ProcessorEnd& end,
                                                          base::BootTime now);
  [[nodiscard]] base::Result<void> restart(base::BootTime now);

  ProcessorSource& source_;
  const StartKit& kit_;
  TargetOutbox& outbox_;
  model::TargetMap& map_;
  const Options options_;
  RequestDesk desk_;
  RequestReader reader_{desk_};
  RestartPolicy restart_policy_;
  Watchdog watchdog_;
  base::Fd channel_;
  bool running_ = false;
  bool stopping_ = false;
  const char* ended_for_ = nullptr;         // why we ended it; null: it ended by itself
  std::optional<base::BootTime> start_at_;  // of the next one
  std::optional<base::BootTime> end_by_;    // its channel is closed: then it is ended
  std::uint64_t restarts_ = 0;
};

}  // namespace beyla::broker
