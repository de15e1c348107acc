#include "agent/pipeline.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/target_channel.h"
#include "base/clock.h"

namespace beyla::agent {
namespace {

constexpr int kBusyWaitMs = 10;  // how late a record is read, at most, while traffic flows
constexpr std::chrono::milliseconds kFinalDrain{300};  // a loaded server never lets us finish
constexpr std::chrono::milliseconds kTidyInterval{500};
// Only to forget the long dead, where no series expires sooner; a record wakes us at once.
constexpr int kIdleWaitMs = 30'000;

}  // namespace

base::Result<std::unique_ptr<Pipeline>> Pipeline::make(const config::Settings& settings,
                                                       capture::ring::KernelCaptureFds fds,
                                                       base::Fd targets,
                                                       std::unique_ptr<Recorder> recorder) {
  auto capture = TRY(capture::ring::KernelCapture::make(fds));
  std::unique_ptr<exporters::console::TracePrinter> printer;
  if (settings.print_traces) {
    printer = TRY(exporters::console::TracePrinter::make(STDOUT_FILENO, base::wall_clock_offset));
  }
  auto books = TRY(Belt::make_books({settings.metrics_cardinality_limit, settings.prometheus_ttl}));
  std::unique_ptr<Pipeline> pipeline(new Pipeline(std::move(books), std::move(capture),
                                                  std::move(printer), std::move(recorder),
                                                  std::move(targets)));
  TRY_VOID(pipeline->watch_fds(fds.data_ring));
  return pipeline;
}

Pipeline::Pipeline(Belt::Books books, std::unique_ptr<capture::ring::KernelCapture> capture,
                   std::unique_ptr<exporters::console::TracePrinter> printer,
                   std::unique_ptr<Recorder> recorder, base::Fd targets)
    : targets_(std::move(targets)),
      capture_(std::move(capture)),
      printer_(std::move(printer)),
      recorder_(std::move(recorder)),
      belt_(std::move(books), *capture_, protocols::session::RecordOrder::ring,
            {printer_.get(), recorder_.get()}) {}

Pipeline::~Pipeline() { stop(std::chrono::milliseconds(0)); }

base::Result<void> Pipeline::watch_fds(int data_ring_fd) {
  stop_event_ = base::Fd(::eventfd(0, EFD_CLOEXEC));
  recording_failed_ = base::Fd(::eventfd(0, EFD_CLOEXEC));
  epoll_ = base::Fd(::epoll_create1(EPOLL_CLOEXEC));
  const bool made = stop_event_.valid() && recording_failed_.valid() && epoll_.valid();
  if (!made) return base::fail_errno(errno, "cannot use epoll");
  // Edge-triggered: waiting records must not end a wait, only the kernel half's wake-up may.
  const std::pair<int, std::uint32_t> watched[] = {
      {data_ring_fd, EPOLLIN | EPOLLET}, {targets_.get(), EPOLLIN}, {stop_event_.get(), EPOLLIN}};
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

void Pipeline::start() {
  shard_ = std::thread([this] { run(); });
}

void Pipeline::stop(std::chrono::milliseconds grace) {
  const auto deadline = std::chrono::steady_clock::now() + grace;
  if (shard_.joinable()) {
    const std::uint64_t one = 1;
    if (::write(stop_event_.get(), &one, sizeof(one)) == sizeof(one)) shard_.join();
  }
  if (printer_) printer_->stop(deadline);
}

std::optional<base::Error> Pipeline::recording_error() const {
  return recorder_ ? recorder_->error() : std::nullopt;
}

void Pipeline::run() {
  while (!stopping_) {
    const std::size_t records = capture_->drain(belt_.events());
    receive_targets(targets_.get(), belt_);
    tidy(records);
    belt_.end_batch();
    wait(records);
  }
  receive_targets(targets_.get(), belt_);
  const auto last_moment = std::chrono::steady_clock::now() + kFinalDrain;
  while (capture_->drain(belt_.events()) > 0 && std::chrono::steady_clock::now() < last_moment) {
  }
  receive_targets(targets_.get(), belt_);
  belt_.finish(base::BootClock::now());
}

void Pipeline::tidy(std::size_t records_read) {
  const auto now = base::BootClock::now();
  if (now < next_tidy_) return;
  belt_.expire_series(now);  // at saturation, too, where more is always waiting
  if (records_read >= capture::ring::KernelCapture::kBatchRecords) return;
  next_tidy_ = now + kTidyInterval;
  capture_->read_lost_closes(belt_.events());
  belt_.on_tick(now);
  flush_recording();
}

// A recording that cannot go on ends the agent: the operator asked for it.
void Pipeline::flush_recording() {
  if (!recorder_) return;
  recorder_->flush();
  if (!recorder_->error() || failure_told_) return;
  failure_told_ = true;
  ::eventfd_write(recording_failed_.get(), 1);
}

void Pipeline::wait(std::size_t records_read) {
  if (records_read > 0 || belt_.holds_any()) {
    wait_for_fds(kBusyWaitMs);
  } else if (capture_->fall_asleep()) {
    flush_recording();  // long may it be until the next record
    wait_for_fds(idle_wait_ms());
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
  epoll_event events[4];
  const int count = ::epoll_wait(epoll_.get(), events, 4, timeout_ms);
  for (int i = 0; i < count; ++i) {
    if (events[i].data.fd == stop_event_.get()) stopping_ = true;
  }
}

}  // namespace beyla::agent
