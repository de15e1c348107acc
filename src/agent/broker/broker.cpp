#include "agent/broker/broker.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <span>
#include <utility>

#include "agent/broker/ring_positions.h"
#include "agent/broker/stop_signals.h"
#include "agent/broker/target_fork.h"
#include "agent/broker/uprobe_side.h"
#include "base/clock.h"

namespace beyla::broker {
namespace {

using base::BootTime;

// It has run: another start may do better. A service manager makes one, but not after exit code 2.
constexpr int kExitFailed = 1;
constexpr std::chrono::milliseconds kStopGrace{900};  // SIGTERM ends us within a second
// The books' slow values are no older than this, nor read more often than the second.
constexpr std::chrono::seconds kBooksMaxAge{15};
constexpr std::chrono::seconds kBooksMinAge{1};

// Feeds Discovery from the kernel.
class ProcessFeed final : public probes::loader::ProcessEventSink {
 public:
  // uprobes may be null.
  ProcessFeed(discover::Discovery& discovery, UprobeSide* uprobes)
      : discovery_(discovery), uprobes_(uprobes) {}
  void on_started(const model::ProcessStarted& process) override { discovery_.on_started(process); }
  void on_exited(const model::ProcessKey& key, BootTime time) override {
    discovery_.on_exited(key, time);
  }
  void on_tls_strangers(std::uint32_t library, BootTime time) override {
    if (uprobes_ != nullptr) uprobes_->on_tls_strangers(library, time);
  }

 private:
  discover::Discovery& discovery_;
  UprobeSide* uprobes_;
};

std::unique_ptr<UprobeSide> make_uprobe_side(const BrokerParts& parts) {
  const bool has_none = parts.probes.go() == nullptr && parts.probes.tls() == nullptr;
  if (has_none || parts.elf_workers == nullptr) return nullptr;
  return std::make_unique<UprobeSide>(parts.probes, *parts.elf_workers, parts.probe_wants);
}

ProcessorKeeper::Options keeper_options(ProcessorKeeper::Options options, UprobeSide* uprobes) {
  if (uprobes == nullptr) return options;
  options.look_for_tls = [uprobes](const model::ProcessKey& process) {
    uprobes->desk().look_again(process);
  };
  return options;
}

class Broker {
 public:
  Broker(BrokerParts parts, BrokerBooks books, RingView ring)
      : parts_(std::move(parts)),
        books_(std::move(books)),
        ring_(std::move(ring)),
        uprobes_(make_uprobe_side(parts_)),
        targets_(outbox_, uprobes_ ? &uprobes_->desk() : nullptr),
        discovery_(parts_.rules, discover::inspect::ProcessInspector(), parts_.probes, targets_,
                   discovery_counts_),
        feed_(discovery_, uprobes_.get()),
        keeper_(parts_.source, parts_.kit, outbox_, parts_.probes,
                keeper_options(parts_.keeper, uprobes_.get())) {}

  base::Result<void> start();
  base::Result<int> loop();

 private:
  void lend_maps();
  base::Result<void> wait();
  void begin_to_stop();
  void keep_books(BootTime now);
  [[nodiscard]] int timeout_ms(BootTime now) const;

  enum : std::size_t { kSignals, kProcessEvents, kChannel, kSource, kFileWrites, kElfWorkers };
  static constexpr std::size_t kPolled = kElfWorkers + Analyses::kMaxWorkers;

  BrokerParts parts_;
  BrokerBooks books_;
  RingView ring_;
  base::Fd ledger_;
  TargetOutbox outbox_;
  std::unique_ptr<UprobeSide> uprobes_;  // null: no probes in programs
  TargetFork targets_;
  discover::DiscoveryCounts discovery_counts_;
  discover::Discovery discovery_;
  ProcessFeed feed_;
  ProcessorKeeper keeper_;
  std::array<pollfd, kPolled> polled_{};
  std::optional<BootTime> stop_by_;
  BootTime slow_books_at_{};
};

void Broker::lend_maps() {
  const auto handles = parts_.probes.handles();
  StartKit& kit = parts_.kit;
  kit.lend(abi::kFdDataRing, handles.data_ring);
  kit.lend(abi::kFdPolicyBySlot, handles.policy_by_slot);
  kit.lend(abi::kFdReaderByZero, handles.reader_by_zero);
  kit.lend(abi::kFdLostCloses, handles.lost_closes);
  kit.lend(abi::kFdCountsByKind, handles.counts_by_kind);
  kit.lend(abi::kFdNotesByKind, handles.notes_by_kind);
  kit.lend(abi::kFdLedger, ledger_.get());
  kit.lend(abi::kFdBrokerBooks, books_.fd());
  kit.give(abi::kFdBrokerStat, open_stat_of(::getpid()));
  kit.give(abi::kFdMachineStat, base::Fd(::open("/proc/stat", O_RDONLY | O_CLOEXEC)));
}

base::Result<void> Broker::start() {
  // Held here, never read: a processor that ends leaves its series to the next one.
  ledger_ = base::Fd(::memfd_create("beyla-ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!ledger_.valid()) return base::fail_errno(errno, "cannot make a memfd");
  // By now, lest a processor seals it against the next one's writing. It may grow.
  if (::fcntl(ledger_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return base::fail_errno(errno, "cannot seal a memfd");
  }
  books_.set(abi::kBookCapabilitiesMissing, parts_.capabilities_missing);
  lend_maps();
  TRY_VOID(keeper_.start(base::BootClock::now()));
  TRY_VOID(parts_.probes.attach(feed_));
  discovery_.finish_batch();
  return parts_.after_start();
}

base::Result<int> Broker::loop() {
  while (true) {
    const auto now = base::BootClock::now();
    keeper_.watch(ring_.read(), now);
    if (const auto exit_code = TRY(keeper_.turn(now))) return *exit_code;
    if (keeper_.stopped()) return 0;
    if (stop_by_ && now >= *stop_by_) {
      spdlog::warn("the processor did not end in time");
      keeper_.kill();
      return 0;
    }
    if (uprobes_) uprobes_->turn(now);
    keep_books(now);
    TRY_VOID(wait());
    if ((polled_[kProcessEvents].revents & POLLIN) != 0) {
      parts_.probes.read_process_events();
      discovery_.finish_batch();
    }
    if ((polled_[kSignals].revents & POLLIN) != 0) begin_to_stop();
  }
}

base::Result<void> Broker::wait() {
  const auto now = base::BootClock::now();
  polled_[kSignals] = {stop_by_ ? -1 : parts_.signals, POLLIN, 0};
  polled_[kProcessEvents] = {parts_.probes.process_events_fd(), POLLIN, 0};
  const short events = keeper_.channel_events(now);
  polled_[kChannel] = {events != 0 ? keeper_.channel_fd() : -1, events, 0};
  polled_[kSource] = {keeper_.source_fd(), POLLIN, 0};
  polled_[kFileWrites] = {uprobes_ ? uprobes_->watch_fd() : -1, POLLIN, 0};
  const auto elf_workers = std::span(polled_).last<Analyses::kMaxWorkers>();
  std::ranges::fill(elf_workers, pollfd{-1, 0, 0});
  if (uprobes_) uprobes_->desk().wait_with(elf_workers);
  if (::poll(polled_.data(), polled_.size(), timeout_ms(now)) < 0 && errno != EINTR) {
    return base::fail_errno(errno, "cannot wait for events");
  }
  return {};
}

int Broker::timeout_ms(BootTime now) const {
  auto next = now + kBooksMaxAge;
  if (const auto due = keeper_.due(now)) next = std::min(next, *due);
  if (uprobes_) next = std::min(next, uprobes_->due(now).value_or(next));
  if (stop_by_) next = std::min(next, *stop_by_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
  return static_cast<int>(std::max<std::int64_t>(left, 0));
}

// A second signal ends the process at once.
void Broker::begin_to_stop() {
  signalfd_siginfo info{};
  if (::read(parts_.signals, &info, sizeof(info)) != sizeof(info)) return;
  give_signals_back();
  stop_by_ = base::BootClock::now() + kStopGrace;
  keeper_.stop();
}

void Broker::keep_books(BootTime now) {
  books_.set_discovery(discovery_counts_);
  books_.set_requests(keeper_.request_counts());
  books_.set(abi::kBookProcessEventsRead, parts_.probes.process_events_read());
  books_.set(abi::kBookProcessorRestarts, keeper_.restarts());
  books_.set(abi::kBookTargetsForgotten, outbox_.targets().targets_forgotten());
  if (uprobes_) uprobes_->write(books_);
  if (now < slow_books_at_) return;
  slow_books_at_ = now + kBooksMinAge;
  books_.set(abi::kBookProgramRunsSkipped, parts_.probes.skipped_runs());
}

}  // namespace

base::Result<int> run_broker(BrokerParts parts) {
  auto books = TRY(BrokerBooks::make());
  auto ring = TRY(RingView::map(parts.probes.handles().data_ring));
  Broker broker(std::move(parts), std::move(books), std::move(ring));
  TRY_VOID(broker.start());
  const auto ended = broker.loop();
  if (ended) return *ended;
  spdlog::error("{}", ended.error().message());
  return kExitFailed;
}

}  // namespace beyla::broker
