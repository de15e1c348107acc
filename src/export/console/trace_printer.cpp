#include "export/console/trace_printer.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <system_error>
#include <utility>

namespace beyla::exporters::console {
namespace {

using namespace std::chrono_literals;

// Gathering lines saves a wake-up and a write per span; both stay far below the promised 100 ms.
constexpr auto kGatherTime = 10ms;
constexpr std::size_t kGatherBytes = 64 * 1024;
constexpr auto kPollSlice = 20ms;  // how late a stop is noticed while the reader is blocked
constexpr auto kDestructorGrace = 100ms;
constexpr std::size_t kKeptBytes = 256 * 1024;  // capacity kept after a burst

// The agent's signals are for its main thread, and SIGPIPE would end the process.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

base::Result<std::unique_ptr<TracePrinter>> TracePrinter::make(int fd, AppendLine append_line,
                                                               WallOffset wall_offset) {
  PolledOutput output = TRY(PolledOutput::make(fd));
  std::unique_ptr<TracePrinter> printer(
      new TracePrinter(std::move(output), append_line, std::move(wall_offset)));
  TRY_VOID(printer->start());
  return printer;
}

TracePrinter::TracePrinter(PolledOutput output, AppendLine append_line, WallOffset wall_offset)
    : output_(std::move(output)), append_line_(append_line), wall_offset_(std::move(wall_offset)) {}

TracePrinter::~TracePrinter() { stop(std::chrono::steady_clock::now() + kDestructorGrace); }

base::Result<void> TracePrinter::start() {
  try {
    writer_ = std::jthread([this] { run(); });
  } catch (const std::system_error& error) {
    return base::fail_to_start(error.code().value(), "cannot print traces: no thread");
  }
  return {};
}

void TracePrinter::on_span(const model::Span& span) {
  thread_local std::string line;
  line.clear();
  append_line_(line, span, wall_offset_());
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t before = pending_.size();
    const std::size_t after = before + line.size();
    if (stopping_ || after > kMaxPendingBytes) {
      dropped_.add();
      return;
    }
    pending_ += line;
    wake = before == 0 || (before < kGatherBytes && after >= kGatherBytes);
  }
  if (wake) wake_.notify_one();
}

void TracePrinter::stop(Deadline deadline) {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    deadline_ = deadline;
  }
  wake_.notify_one();
  writer_.join();
}

void TracePrinter::run() {
  block_signals();
  pthread_setname_np(pthread_self(), "beyla-console");
  std::string batch;
  while (take_pending(batch)) {
    write_all(batch);
    if (batch.capacity() > kKeptBytes) batch = std::string();
    batch.clear();
  }
}

bool TracePrinter::take_pending(std::string& batch) {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return stopping_ || !pending_.empty(); });
  wake_.wait_for(lock, kGatherTime,
                 [this] { return stopping_ || pending_.size() >= kGatherBytes; });
  std::swap(pending_, batch);
  return !batch.empty();
}

void TracePrinter::write_all(std::string_view text) {
  while (!text.empty()) {
    const PolledOutput::Step step = output_.write_some(text, past_deadline() ? 0ms : kPollSlice);
    text.remove_prefix(step.bytes);
    if (step.outcome == PolledOutput::Outcome::broken || past_deadline()) break;
  }
  dropped_.add(static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')));
}

bool TracePrinter::past_deadline() {
  const std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::now() >= deadline_;
}

}  // namespace beyla::exporters::console
