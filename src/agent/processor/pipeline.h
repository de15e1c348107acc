// The live house: kernel records in at one end, trace lines and metrics out at the other.
// capture -> belt (protocols -> spans -> export). What was done with a batch of records is
// committed to the ledger before the records are released to the kernel. The shard's thread, but
// for what says otherwise.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/config/handover/processor_settings.h"
#include "agent/processor/belt.h"
#include "agent/processor/broker_channel.h"
#include "agent/processor/recorder.h"
#include "base/fd.h"
#include "base/ledger.h"
#include "base/result.h"
#include "capture/ring/kernel_capture.h"
#include "export/console/trace_printer.h"
#include "export/prometheus/self_metrics.h"

namespace beyla::processor {

class Pipeline {
 public:
  // `ledger`: a memfd, borrowed during the call. `recorder`: null where nothing is recorded.
  [[nodiscard]] static base::Result<std::unique_ptr<Pipeline>> make(
      const agent::config::ProcessorSettings& settings, capture::ring::KernelCaptureFds fds,
      int ledger, BrokerChannel channel, std::unique_ptr<Recorder> recorder);
  ~Pipeline();

  enum class End { stopped, broker_gone, recording_failed };
  // Until the broker says stop or is gone, or the recording fails. Then drains the ring, ends what
  // is in flight and writes the last lines, within a second.
  [[nodiscard]] End run();
  // Of Recorder, after End::recording_failed.
  [[nodiscard]] const std::optional<base::Error>& recording_error() const {
    return recorder_->error();
  }

  // What was committed last. Any thread.
  [[nodiscard]] std::vector<exporters::aggregate::Series> series() const { return belt_.series(); }
  void collect(std::vector<exporters::prometheus::Sample>& samples) const {
    belt_.collect_delivered(samples);
    belt_.collect(samples);
  }

 private:
  Pipeline(std::unique_ptr<base::Ledger> ledger, exporters::aggregate::RedOptions red_options,
           std::unique_ptr<capture::ring::KernelCapture> capture,
           std::unique_ptr<exporters::console::TracePrinter> printer,
           std::unique_ptr<Recorder> recorder, BrokerChannel channel,
           const spans::RandomIds::Seed& trace_seed);
  [[nodiscard]] base::Result<void> watch_fds(int data_ring_fd);
  void resume();
  void begin();
  std::size_t drain();
  std::size_t read_ring();
  void commit();
  void hear_broker();
  void tidy(bool has_more);
  void flush_recording();
  void wait(std::size_t records_read);
  [[nodiscard]] int idle_wait_ms() const;
  void wait_for_fds(int timeout_ms);
  void finish();

  std::unique_ptr<base::Ledger> ledger_;
  BrokerChannel channel_;
  base::Fd epoll_;
  std::unique_ptr<capture::ring::KernelCapture> capture_;
  std::unique_ptr<exporters::console::TracePrinter> printer_;  // null: PRINT_TRACES is off
  std::unique_ptr<Recorder> recorder_;                         // null: not recording
  base::Counter no_lines_dropped_;                             // where none are printed
  Belt belt_;
  base::BootTime next_tidy_{};
  std::optional<End> end_;
  bool delivered_told_ = false;
  bool begun_ = false;          // to read the ring
  std::size_t one_by_one_ = 0;  // so many more records are committed each by itself
};

}  // namespace beyla::processor
