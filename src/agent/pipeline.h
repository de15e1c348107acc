// The whole house: kernel records in at one end, trace lines and metrics out at the other.
// capture -> protocols -> spans -> export. Needs file descriptors only, no privilege.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "agent/config/settings.h"
#include "agent/target_fan_out.h"
#include "base/fd.h"
#include "base/result.h"
#include "capture/ring/kernel_capture.h"
#include "export/aggregate/red_metrics.h"
#include "export/console/trace_printer.h"
#include "export/prometheus/self_metrics.h"
#include "protocols/session/session_table.h"
#include "spans/span_builder.h"

namespace beyla::agent {

class Pipeline {
 public:
  // `targets`: the pipeline's end of the target channel.
  [[nodiscard]] static base::Result<std::unique_ptr<Pipeline>> make(
      const config::Settings& settings, capture::ring::KernelCaptureFds fds, int data_ring_fd,
      base::Fd targets);
  ~Pipeline();

  void start();
  // Drains the ring, ends what is in flight, writes the last lines; within `grace`.
  void stop(std::chrono::milliseconds grace);

  [[nodiscard]] std::vector<exporters::aggregate::Series> series() const {
    return red_metrics_.snapshot();
  }
  // Any thread.
  void collect(std::vector<exporters::prometheus::Sample>& samples) const;
  [[nodiscard]] const capture::DecoderCounts& decoder_counts() const { return capture_->counts(); }

 private:
  Pipeline(std::unique_ptr<capture::ring::KernelCapture> capture,
           std::unique_ptr<exporters::console::TracePrinter> printer,
           exporters::aggregate::RedOptions red_options, base::Fd targets);
  [[nodiscard]] base::Result<void> watch_fds(int data_ring_fd);
  void run();
  void tidy(std::size_t records_read);
  void wait(std::size_t records_read);
  [[nodiscard]] int idle_wait_ms() const;
  void wait_for_fds(int timeout_ms);

  base::Fd targets_;
  base::Fd stop_event_;
  base::Fd epoll_;
  std::unique_ptr<capture::ring::KernelCapture> capture_;
  std::unique_ptr<exporters::console::TracePrinter> printer_;  // null: PRINT_TRACES is off
  exporters::aggregate::RedMetrics red_metrics_;
  spans::SpanBuilder spans_;
  TargetFanOut target_sinks_;
  protocols::session::SessionTable sessions_;
  std::atomic<std::uint64_t> open_connections_{0};  // written by the shard
  base::BootTime next_tidy_{};
  bool stopping_ = false;  // shard thread
  std::thread shard_;
};

}  // namespace beyla::agent
