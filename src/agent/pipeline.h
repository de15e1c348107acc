// The live house: kernel records in at one end, trace lines and metrics out at the other.
// capture -> belt (protocols -> spans -> export). Needs file descriptors only, no privilege.
#pragma once

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "agent/belt.h"
#include "agent/config/settings.h"
#include "agent/recorder.h"
#include "base/fd.h"
#include "base/result.h"
#include "capture/ring/kernel_capture.h"
#include "export/console/trace_printer.h"
#include "export/prometheus/self_metrics.h"

namespace beyla::agent {

class Pipeline {
 public:
  // `targets`: the pipeline's end of the target channel. `recorder`: null where nothing is
  // recorded.
  [[nodiscard]] static base::Result<std::unique_ptr<Pipeline>> make(
      const config::Settings& settings, capture::ring::KernelCaptureFds fds, base::Fd targets,
      std::unique_ptr<Recorder> recorder);
  ~Pipeline();

  void start();
  // Drains the ring, ends what is in flight, writes the last lines; within `grace`.
  void stop(std::chrono::milliseconds grace);

  // Readable once the recording has failed; borrowed. Any thread.
  [[nodiscard]] int recording_failed_fd() const { return recording_failed_.get(); }
  // Why it failed. Call behind stop().
  [[nodiscard]] std::optional<base::Error> recording_error() const;

  // Any thread.
  [[nodiscard]] std::vector<exporters::aggregate::Series> series() const { return belt_.series(); }
  void collect(std::vector<exporters::prometheus::Sample>& samples) const;  // self_metrics.cpp
  [[nodiscard]] const capture::DecoderCounts& decoder_counts() const { return capture_->counts(); }

 private:
  Pipeline(Belt::Books books, std::unique_ptr<capture::ring::KernelCapture> capture,
           std::unique_ptr<exporters::console::TracePrinter> printer,
           std::unique_ptr<Recorder> recorder, base::Fd targets);
  [[nodiscard]] base::Result<void> watch_fds(int data_ring_fd);
  void run();
  void tidy(std::size_t records_read);
  void flush_recording();
  void wait(std::size_t records_read);
  [[nodiscard]] int idle_wait_ms() const;
  void wait_for_fds(int timeout_ms);

  base::Fd targets_;
  base::Fd stop_event_;
  base::Fd epoll_;
  base::Fd recording_failed_;
  std::unique_ptr<capture::ring::KernelCapture> capture_;
  std::unique_ptr<exporters::console::TracePrinter> printer_;  // null: PRINT_TRACES is off
  std::unique_ptr<Recorder> recorder_;                         // null: not recording
  Belt belt_;
  base::BootTime next_tidy_{};
  bool stopping_ = false;      // shard thread
  bool failure_told_ = false;  // shard thread
  std::thread shard_;
};

}  // namespace beyla::agent
