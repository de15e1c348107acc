// Spans in, lines out (trace_line.h, json_line.h), at most 100 ms later. on_span() comes from any
// shard's thread and only copies a line into a buffer; a thread of its own writes. When the reader
// is slower than the spans, lines are dropped and counted: tracing never holds back the agent.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/counter.h"
#include "base/result.h"
#include "export/console/polled_output.h"
#include "model/span.h"

namespace beyla::exporters::console {

class TracePrinter final : public model::SpanSink {
 public:
  // Appends the line of a span, with its end; called from any thread.
  using AppendLine = void (*)(std::string& out, const model::Span& span,
                              std::chrono::nanoseconds wall_offset);
  // Gives CLOCK_REALTIME minus CLOCK_BOOTTIME; called per span, from any thread.
  using WallOffset = std::function<std::chrono::nanoseconds()>;
  using Deadline = std::chrono::steady_clock::time_point;

  // Waiting lines, without those being written: at most as much again.
  static constexpr std::size_t kMaxPendingBytes = std::size_t{4} << 20U;

  // fd stays the caller's; its flags are not changed.
  [[nodiscard]] static base::Result<std::unique_ptr<TracePrinter>> make(int fd,
                                                                        AppendLine append_line,
                                                                        WallOffset wall_offset);
  // Stops with a grace of 100 ms, unless stop() was called.
  ~TracePrinter() override;
  TracePrinter(const TracePrinter&) = delete;
  TracePrinter& operator=(const TracePrinter&) = delete;

  void on_span(const model::Span& span) override;

  // Writes what waits until the deadline, counts the rest as dropped, ends the thread. Later spans
  // are dropped. Calls after the first do nothing. From one thread at a time.
  void stop(Deadline deadline);

  // Lines that were not, or only partly, written.
  [[nodiscard]] const base::Counter& dropped() const { return dropped_; }
  [[nodiscard]] base::Counter& dropped() { return dropped_; }  // to restore it

 private:
  TracePrinter(PolledOutput output, AppendLine append_line, WallOffset wall_offset);
  [[nodiscard]] base::Result<void> start();
  void run();
  // False: stopped and nothing left.
  [[nodiscard]] bool take_pending(std::string& batch);
  void write_all(std::string_view text);
  [[nodiscard]] bool past_deadline();

  const PolledOutput output_;
  const AppendLine append_line_;
  const WallOffset wall_offset_;
  base::Counter dropped_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::string pending_;                  // guarded by mutex_
  bool stopping_ = false;                // guarded by mutex_
  Deadline deadline_ = Deadline::max();  // guarded by mutex_
  std::jthread writer_;
};

}  // namespace beyla::exporters::console
