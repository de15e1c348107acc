// The rooms behind capture, wired once: protocols -> spans -> export. Events come from the kernel
// (pipeline.cpp) or from a recording (replay_command.cpp); both see the same stages do the same.
// The shard's thread, but for what says otherwise.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "agent/recorder.h"
#include "base/ledger.h"
#include "capture/replay/player.h"
#include "export/aggregate/red_metrics.h"
#include "export/prometheus/self_metrics.h"
#include "protocols/session/session_table.h"
#include "spans/span_builder.h"

namespace beyla::agent {

class Belt final : public model::TargetSink, public capture::replay::TickSink {
 public:
  // Who listens besides the metrics; null: nobody. They must outlive the belt.
  struct Listeners {
    model::SpanSink* trace_lines = nullptr;
    Recorder* recorder = nullptr;
  };

  // Where the series live.
  struct Books {
    exporters::aggregate::RedOptions red_options;
    std::unique_ptr<base::Ledger> ledger;
  };
  // A ledger of its own, empty.
  [[nodiscard]] static base::Result<Books> make_books(exporters::aggregate::RedOptions red_options);

  Belt(Books books, model::CapturePolicySink& policies, protocols::session::RecordOrder order,
       Listeners listeners);

  [[nodiscard]] model::EventSink& events() { return sessions_; }
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
  // Commits the series, and publishes what collect() may read of the stages' state. Call after each
  // batch: what is not committed is not exposed.
  void end_batch();
  // Ends what is in flight. Nothing may come afterwards.
  void finish(base::BootTime time);

  // Something waits for a decision, or for its time.
  [[nodiscard]] bool holds_any() const { return spans_.holds_any() || sessions_.held_bytes() > 0; }

  // Any thread.
  [[nodiscard]] std::vector<exporters::aggregate::Series> series() const {
    return red_metrics_.snapshot();
  }
  void collect(std::vector<exporters::prometheus::Sample>& samples) const;  // self_metrics.cpp

 private:
  Recorder* recorder_;
  std::unique_ptr<base::Ledger> ledger_;
  exporters::aggregate::RedMetrics red_metrics_;
  spans::SpanBuilder spans_;
  protocols::session::SessionTable sessions_;
  std::vector<model::TargetSink*> target_sinks_;
  std::atomic<std::uint64_t> open_connections_{0};
};

}  // namespace beyla::agent
