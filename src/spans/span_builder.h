// Exchange -> Span: names the service of the process that answered or asked. What a process did
// that is not decided yet is held, bounded by kMaxHeld and kMaxHold, then counted as lost. What a
// rejected one did is none of ours. Shard thread only; counts may be read by any thread.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/counter.h"
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

  [[nodiscard]] RoleCounts& of(model::Role role) { return by_role[static_cast<std::size_t>(role)]; }
  [[nodiscard]] const RoleCounts& of(model::Role role) const {
    return by_role[static_cast<std::size_t>(role)];
  }
};

class SpanBuilder final : public model::ExchangeSink, public model::TargetSink {
 public:
  static constexpr std::size_t kMaxHeld = 4096;
  static constexpr std::chrono::seconds kMaxHold{2};
  static constexpr std::chrono::seconds kKeepAfterExit{60};  // late answers of a dead process
  // Beyond, those that ended longer than kMaxHold ago are forgotten: all they did has been read.
  static constexpr std::size_t kMaxProcesses = 16384;

  explicit SpanBuilder(std::vector<model::SpanSink*> sinks) : sinks_(std::move(sinks)) {}

  void on_exchange(model::Exchange&& exchange) override;
  void on_incomplete(const model::Incomplete& request) override;
  void on_unpaired() override { counts_.unpaired.add(); }
  void on_gap() override { counts_.gaps.add(); }

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Call now and then: gives up on what was held too long, forgets the long dead.
  void expire(base::BootTime now);
  [[nodiscard]] bool holds_any() const { return held() > 0; }
  [[nodiscard]] const SpanCounts& counts() const { return counts_; }

 private:
  struct Known {
    bool selected = false;
    model::Service service;
    std::optional<base::BootTime> exited;
  };
  [[nodiscard]] std::size_t held() const { return held_.size() + held_incomplete_.size(); }
  void deliver(model::Exchange&& exchange, const Known& known);
  void count(const model::Incomplete& request, const Known& known);
  void decide(const model::ProcessKey& key, Known known);

  std::vector<model::SpanSink*> sinks_;
  std::unordered_map<model::ProcessKey, Known, model::ProcessKeyHash> known_;
  std::deque<model::Exchange> held_;
  std::deque<model::Incomplete> held_incomplete_;
  SpanCounts counts_;
};

}  // namespace beyla::spans
