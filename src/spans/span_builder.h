// Exchange -> Span: names the service of the process that answered or asked. What a process did
// that is not decided yet is held, bounded by kMaxHeld and kMaxHold, then counted as lost. What a
// rejected one did is none of ours. Shard thread only; counts may be read by any thread.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/counter.h"
#include "base/ledger.h"
#include "model/exchange.h"
#include "model/span.h"
#include "model/target.h"

namespace beyla::spans {

inline constexpr std::size_t kRoles = static_cast<std::size_t>(model::Role::server) + 1;

struct RoleCounts {
  base::Counter exchanges;
  std::array<base::Counter, static_cast<std::size_t>(model::IncompleteReason::kCount)> incomplete;
  base::Counter undecided;  // of both, dropped because nobody said whose they are
};

struct SpanCounts {
  std::array<RoleCounts, kRoles> by_role;
  base::Counter unpaired;
  base::Counter gaps;
  base::Counter partly_unknown;  // exchanges: of HTTP/2 that was joined midway, or lost bytes

  [[nodiscard]] RoleCounts& of(model::Role role) { return by_role[static_cast<std::size_t>(role)]; }
  [[nodiscard]] const RoleCounts& of(model::Role role) const {
    return by_role[static_cast<std::size_t>(role)];
  }
};

// Requests that have begun and are not counted as anything yet, by role; also those that are held.
// Of rejected processes they never count. As it is in memory.
struct InFlight {
  std::array<std::uint64_t, kRoles> selected{};
  std::array<std::uint64_t, kRoles> undecided{};
  bool operator==(const InFlight&) const = default;
};

class SpanBuilder final : public model::ExchangeSink, public model::TargetSink {
 public:
  static constexpr std::size_t kMaxHeld = 4096;
  static constexpr std::chrono::seconds kMaxHold{2};
  static constexpr std::chrono::seconds kKeepAfterExit{60};  // late answers of a dead process
  // Beyond, those that ended longer than kMaxHold ago are forgotten: all they did has been read.
  static constexpr std::size_t kMaxProcesses = 16384;

  explicit SpanBuilder(std::vector<model::SpanSink*> sinks) : sinks_(std::move(sinks)) {}

  model::RequestId on_begun(const model::RequestBegun& begun) override;
  void on_exchange(model::Exchange&& exchange) override;
  void on_incomplete(const model::Incomplete& request) override;
  void on_withdrawn(const model::Withdrawn& request) override;
  void on_unpaired() override { counts_.unpaired.add(); }
  void on_gap() override { counts_.gaps.add(); }

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Call now and then: gives up on what was held too long, forgets the long dead.
  void expire(base::BootTime now);
  [[nodiscard]] bool holds_any() const { return held() > 0; }
  [[nodiscard]] const SpanCounts& counts() const { return counts_; }
  [[nodiscard]] SpanCounts& counts() { return counts_; }  // to restore them

  // So that a successor can say what was lost with this process.
  [[nodiscard]] const InFlight& in_flight() const { return in_flight_; }
  [[nodiscard]] static constexpr std::size_t region_bytes() { return sizeof(InFlight); }
  // When it has changed; the region is of region_bytes().
  void stage(base::Ledger& ledger, std::size_t region) {
    if (in_flight_ == staged_) return;
    staged_ = in_flight_;
    ledger.stage(region, 0, std::as_bytes(std::span(&staged_, 1)));
  }
  // What a predecessor had in flight at its last commit has ended: as incomplete (restart) of
  // processes that were selected, else as undecided. Call when the counts are restored, before
  // everything else, and commit both together. Numbers that cannot be right do not count.
  void count_restart(std::span<const std::byte> committed);

 private:
  using ByRole = std::array<std::uint32_t, kRoles>;

  struct Known {
    bool selected = false;
    model::Service service;
    std::optional<base::BootTime> exited;
    ByRole in_flight{};
  };
  [[nodiscard]] std::size_t held() const { return held_.size() + held_incomplete_.size(); }
  void deliver(model::Exchange&& exchange, Known& known);
  void count(const model::Incomplete& request, Known& known);
  void decide(const model::ProcessKey& key, Known known);
  void end(Known& known, model::Role role);
  void drop_undecided(const model::ProcessKey& process, model::Role role);
  void end_undecided(const model::ProcessKey& process, model::Role role);
  void forget(const model::ProcessKey& key, const Known& known);

  std::vector<model::SpanSink*> sinks_;
  std::unordered_map<model::ProcessKey, Known, model::ProcessKeyHash> known_;
  std::deque<model::Exchange> held_;
  std::deque<model::Incomplete> held_incomplete_;
  std::unordered_map<model::ProcessKey, ByRole, model::ProcessKeyHash> undecided_in_flight_;
  InFlight in_flight_;
  InFlight staged_;
  SpanCounts counts_;
};

}  // namespace beyla::spans
