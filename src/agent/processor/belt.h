// The rooms behind capture, wired once: protocols (sessions -> calls) -> spans (linker -> builder)
// -> export. Events come from the kernel
// (pipeline.cpp) or from a recording (replay_command.cpp); both see the same stages do the same.
// The shard's thread, but for what says otherwise.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "agent/processor/belt_counters.h"
#include "agent/processor/event_splitter.h"
#include "agent/processor/progress.h"
#include "agent/processor/recorder.h"
#include "base/ledger.h"
#include "capture/replay/player.h"
#include "export/aggregate/red_metrics.h"
#include "export/prometheus/self_metrics.h"
#include "protocols/calls/call_table.h"
#include "protocols/session/session_table.h"
#include "spans/linker.h"
#include "spans/span_builder.h"

namespace beyla::processor {

class Belt final : public model::TargetSink, public capture::replay::TickSink {
 public:
  // Who else takes part. They must outlive the belt.
  struct Neighbours {
    model::CapturePolicySink& policies;
    capture::DecoderCounts& decoder;
    base::Counter& dropped_lines;            // of trace lines
    model::SpanSink* trace_lines = nullptr;  // null: nobody prints
    Recorder* recorder = nullptr;            // null: nothing is recorded
    spans::RandomIds::Seed trace_seed{};     // of the ids of traces and spans
  };

  // Of the ledger that a belt keeps its work in.
  [[nodiscard]] static std::vector<std::size_t> ledger_regions(
      const exporters::aggregate::RedOptions& options);

  // Borrows the ledger: one with these regions. Goes on where a predecessor ended that committed to
  // it; its exchanges in flight count as incomplete.
  Belt(base::Ledger& ledger, exporters::aggregate::RedOptions options,
       protocols::session::RecordOrder order, const Neighbours& neighbours, base::BootTime now);

  // Where the predecessor stood in the ring; nullopt: there was none.
  [[nodiscard]] std::optional<std::uint64_t> predecessor_position() const {
    return progress_.predecessor_position();
  }
  // Stages that the records behind this position are begun; see Progress.
  [[nodiscard]] std::uint64_t begin(std::uint64_t ring_position) {
    return progress_.begin(ring_position);
  }

  [[nodiscard]] model::EventSink& events() { return events_; }
  // Processes that use TLS which no probe sees, since the last call.
  [[nodiscard]] std::vector<model::ProcessKey> take_blind_to_tls() {
    return sessions_.encrypted().take_blind();
  }
  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Housekeeping: call now and then, when everything that was captured before is handed on.
  void on_tick(base::BootTime time) override;
  // Only the series' part of it; at any moment.
  void expire_series(base::BootTime time) { red_metrics_.expire(time); }
  // When a series is due to expire next.
  [[nodiscard]] std::optional<base::BootTime> next_expiry() const {
    return red_metrics_.next_expiry();
  }
  // All that has changed, with the position of the ring behind what was taken. Call before
  // Ledger::commit().
  void stage(std::uint64_t ring_position);
  // Ends what is in flight. Nothing but stage() may come afterwards.
  void finish(base::BootTime time);

  // Something waits for a decision, or for its time.
  [[nodiscard]] bool holds_any() const {
    return spans_.holds_any() || sessions_.held_bytes() > 0 || calls_.waits();
  }

  // What was committed last. Any thread.
  [[nodiscard]] std::vector<exporters::aggregate::Series> series() const {
    return red_metrics_.snapshot();
  }
  void collect(std::vector<exporters::prometheus::Sample>& samples) const;  // self_metrics.cpp
  // Records by kind: of a ring, not of a recording.
  void collect_delivered(std::vector<exporters::prometheus::Sample>& samples) const;

 private:
  void collect_sessions(std::vector<exporters::prometheus::Sample>& samples) const;
  void collect_calls(std::vector<exporters::prometheus::Sample>& samples) const;
  void resume();
  void warn_of_blind();

  base::Ledger& ledger_;
  capture::DecoderCounts& decoder_;
  base::Counter& dropped_lines_;
  Recorder* recorder_;
  exporters::aggregate::RedMetrics red_metrics_;
  spans::SpanBuilder spans_;
  spans::Linker linker_;
  protocols::calls::CallTable calls_;
  protocols::session::SessionTable sessions_;
  EventSplitter events_;
  std::vector<model::TargetSink*> target_sinks_;
  base::Counter refused_connections_;
  BeltCounters counters_;
  Progress progress_;
  std::atomic<std::uint64_t> open_connections_{0};
};

}  // namespace beyla::processor
