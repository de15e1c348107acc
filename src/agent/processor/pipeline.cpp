#include "agent/processor/pipeline.h"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/clock.h"
#include "export/console/json_line.h"
#include "export/console/trace_line.h"

namespace beyla::processor {
namespace {

constexpr int kBusyWaitMs = 10;  // how late a record is read, at most, while traffic flows
constexpr std::chrono::milliseconds kFinalDrain{300};  // a loaded server never lets us finish
constexpr std::chrono::milliseconds kLastLines{400};   // for a slow standard output
constexpr std::chrono::milliseconds kTidyInterval{500};
// Only to forget the long dead, where no series expires sooner; a record wakes us at once.
constexpr int kIdleWaitMs = 30'000;
// Processors that may end at one record by an accident, or by hand.
constexpr std::uint64_t kMaxInVain = 3;

using agent::config::TracePrinterKind;

exporters::console::TracePrinter::AppendLine line_format(TracePrinterKind kind) {
  return kind == TracePrinterKind::json ? exporters::console::append_json_line
                                        : exporters::console::append_trace_line;
}

}  // namespace

base::Result<std::unique_ptr<Pipeline>> Pipeline::make(
    const agent::config::ProcessorSettings& settings, capture::ring::KernelCaptureFds fds,
    int ledger, BrokerChannel channel, std::unique_ptr<Recorder> recorder) {
  const exporters::aggregate::RedOptions options{settings.metrics_cardinality_limit,
                                                 settings.prometheus_ttl};
  auto memory = TRY(base::Ledger::open(ledger, Belt::ledger_regions(options)));
  auto capture = TRY(capture::ring::KernelCapture::make(fds));
  std::unique_ptr<exporters::console::TracePrinter> printer;
  if (settings.trace_printer != TracePrinterKind::disabled) {
    printer = TRY(exporters::console::TracePrinter::make(
        STDOUT_FILENO, line_format(settings.trace_printer), base::wall_clock_offset));
  }
  const auto trace_seed = TRY(spans::RandomIds::fresh_seed());
  std::unique_ptr<Pipeline> pipeline(new Pipeline(std::move(memory), options, std::move(capture),
                                                  std::move(printer), std::move(recorder),
                                                  std::move(channel), trace_seed));
  TRY_VOID(pipeline->watch_fds(fds.data_ring));
  pipeline->resume();
  return pipeline;
}

Pipeline::Pipeline(std::unique_ptr<base::Ledger> ledger,
                   exporters::aggregate::RedOptions red_options,
                   std::unique_ptr<capture::ring::KernelCapture> capture,
                   std::unique_ptr<exporters::console::TracePrinter> printer,
                   std::unique_ptr<Recorder> recorder, BrokerChannel channel,
                   const spans::RandomIds::Seed& trace_seed)
    : ledger_(std::move(ledger)),
      channel_(std::move(channel)),
      capture_(std::move(capture)),
      printer_(std::move(printer)),
      recorder_(std::move(recorder)),
      belt_(*ledger_, red_options, protocols::session::RecordOrder::ring,
            {.policies = *capture_,
             .decoder = capture_->counts(),
             .dropped_lines = printer_ ? printer_->dropped() : no_lines_dropped_,
             .trace_lines = printer_.get(),
             .recorder = recorder_.get(),
             .trace_seed = trace_seed},
            base::BootClock::now()) {}

Pipeline::~Pipeline() = default;

base::Result<void> Pipeline::watch_fds(int data_ring_fd) {
  epoll_ = base::Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return base::fail_errno(errno, "cannot use epoll");
  // Edge-triggered: waiting records must not end a wait, only the kernel half's wake-up may.
  const std::pair<int, std::uint32_t> watched[] = {{data_ring_fd, EPOLLIN | EPOLLET},
                                                   {channel_.fd(), EPOLLIN}};
  for (const auto& [fd, events] : watched) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return base::fail_errno(errno, "cannot use epoll");
    }
  }
  return {};
}

// Goes on where a predecessor ended. A position that is not plausible was made up by one that was
// no longer itself: the ring knows its own.
void Pipeline::resume() {
  const auto position = belt_.predecessor_position();
  if (!position) return;
  static_cast<void>(capture_->resume_at(*position));
  commit();  // what it had in flight is counted once, whatever happens to us
}

Pipeline::End Pipeline::run() {
  channel_.tell(abi::kRequestReady);
  while (!end_) {
    const std::size_t records = read_ring();
    hear_broker();
    tidy(capture_->has_more());
    commit();
    if (!end_) wait(records);
  }
  finish();
  return *end_;
}

// A record that ends whoever reads it would end every successor, too. So it is noted that reading
// begins here; where others came no further, records are committed one by one, which leads up to
// the one that does it; and that one is passed over.
void Pipeline::begin() {
  const std::uint64_t in_vain = belt_.begin(capture_->position());
  ledger_->commit();
  if (in_vain > 0) one_by_one_ = capture::ring::KernelCapture::kCommitRecords;
  if (in_vain < kMaxInVain) return;
  capture_->pass_over();
  commit();
  spdlog::error("a record of the kernel's ring had ended {} processors: passed over", in_vain);
}

std::size_t Pipeline::drain() {
  if (one_by_one_ == 0) return capture_->drain(belt_.events());
  --one_by_one_;
  return capture_->drain(belt_.events(), 1);
}

// At most about kBatchRecords.
std::size_t Pipeline::read_ring() {
  if (!begun_ && !capture_->empty()) {
    begun_ = true;
    begin();
  }
  std::size_t records = 0;
  do {
    records += drain();
    commit();
    if (records > 0 && !std::exchange(delivered_told_, true)) {
      channel_.tell(abi::kRequestDelivered);
    }
  } while (capture_->has_more() && records < capture::ring::KernelCapture::kBatchRecords);
  return records;
}

void Pipeline::commit() {
  belt_.stage(capture_->position());
  ledger_->commit();
  capture_->release();
}

void Pipeline::hear_broker() {
  switch (channel_.receive(belt_)) {
    case BrokerChannel::News::none: return;
    case BrokerChannel::News::stop: end_ = End::stopped; return;
    case BrokerChannel::News::gone: end_ = End::broker_gone; return;
  }
}

void Pipeline::tidy(bool has_more) {
  const auto now = base::BootClock::now();
  if (now < next_tidy_) return;
  belt_.expire_series(now);  // at saturation, too, where more is always waiting
  if (has_more) return;
  next_tidy_ = now + kTidyInterval;
  capture_->read_lost_closes(belt_.events());
  belt_.on_tick(now);
  for (const auto& process : belt_.take_blind_to_tls()) channel_.ask_for_tls_probes(process);
  flush_recording();
}

// A recording that cannot go on ends the agent: the operator asked for it.
void Pipeline::flush_recording() {
  if (!recorder_) return;
  recorder_->flush();
  if (recorder_->error() && !end_) end_ = End::recording_failed;
}

void Pipeline::wait(std::size_t records_read) {
  if (records_read > 0 || belt_.holds_any()) {
    wait_for_fds(kBusyWaitMs);
  } else if (capture_->fall_asleep()) {
    flush_recording();  // long may it be until the next record
    if (!end_) wait_for_fds(idle_wait_ms());
    capture_->wake_up();
  }
}

// Until the next series may expire; tidy() does nothing before next_tidy_.
int Pipeline::idle_wait_ms() const {
  const auto due = belt_.next_expiry();
  if (!due) return kIdleWaitMs;
  const auto left = std::max(*due, next_tidy_) - base::BootClock::now();
  const auto left_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, kIdleWaitMs));
}

void Pipeline::wait_for_fds(int timeout_ms) {
  epoll_event events[2];
  static_cast<void>(::epoll_wait(epoll_.get(), events, 2, timeout_ms));
}

void Pipeline::finish() {
  const auto last_moment = std::chrono::steady_clock::now() + kFinalDrain;
  while (read_ring() > 0 && std::chrono::steady_clock::now() < last_moment) {
  }
  static_cast<void>(channel_.receive(belt_));
  belt_.finish(base::BootClock::now());
  commit();
  if (printer_) printer_->stop(std::chrono::steady_clock::now() + kLastLines);
}

}  // namespace beyla::processor
