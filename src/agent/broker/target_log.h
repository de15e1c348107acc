// Every change of a target that a processor needs to know, in the order in which it was decided. A
// new processor reads it from the start and so knows what its predecessor knew. What no processor
// needs any more is forgotten: memory is bounded. No clock inside, times are those of the changes.
// Control thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "abi/messages.h"
#include "base/clock.h"
#include "model/target.h"

namespace beyla::broker {

enum class Standing : std::uint8_t { target, other_image, unknown };

class TargetLog final : public model::TargetSink {
 public:
  // As long as the processor keeps those that ended, for their late answers (spans/span_builder.h,
  // which this side may not include), and likewise shorter when there are many.
  static constexpr std::chrono::seconds kKeepPast{60};
  static constexpr std::chrono::seconds kKeepManyPast{2};
  static constexpr std::size_t kManyPast = 16'384;  // changes
  static constexpr std::size_t kMaxPast = 65'536;   // beyond, the oldest go at the next walk
  // As exporters' ServiceTable. Reached only if ends of processes were lost: the oldest goes.
  static constexpr std::size_t kMaxTargets = 65'536;

  struct Change {
    abi::target_change kind = abi::kTargetSelected;
    model::ProcessKey key;
    base::BootTime time;
    std::string service_name;  // of kTargetSelected; cut to what a message holds
  };

  void on_selected(const model::TargetProcess& target, base::BootTime time) override;
  void on_rejected(const model::ProcessKey& key, base::BootTime time) override;
  // An end of what is no target is left out: nobody waits for it.
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  [[nodiscard]] Standing standing(const model::ProcessKey& key) const;
  [[nodiscard]] std::size_t targets() const { return alive_.size(); }
  [[nodiscard]] std::uint64_t targets_forgotten() const { return targets_forgotten_; }

  [[nodiscard]] std::size_t size() const { return changes_.size(); }
  [[nodiscard]] std::size_t read() const { return read_; }
  // REQUIRES: read() < size().
  [[nodiscard]] const Change& next() const { return changes_[read_]; }
  void advance() { ++read_; }
  // A new reader begins at the oldest change. Forgets what is over at `now` first.
  void rewind(base::BootTime now);
  // There is no reader until rewind(): nothing is kept for it.
  void close();

 private:
  static constexpr std::chrono::seconds kInterval{1};
  static constexpr std::size_t kStep = 16'384;

  void append(Change change);
  void end_image(std::uint32_t pid, base::BootTime time);
  void forget_oldest_target(base::BootTime time);
  void forget_past(base::BootTime now);
  [[nodiscard]] std::vector<bool> find_over(base::BootTime now) const;
  [[nodiscard]] std::size_t past() const { return changes_.size() - alive_.size(); }

  // Those before read_ have been read. A target that lives has one change, one that has ended two.
  std::deque<Change> changes_;
  std::size_t read_ = 0;
  bool has_reader_ = false;
  std::unordered_map<std::uint32_t, model::ProcessKey> alive_;  // targets by pid
  base::BootTime forget_at_{};                                  // when it is worth a walk again, or
  std::size_t forget_size_ = kStep;                             // at how many changes
  std::uint64_t targets_forgotten_ = 0;
};

}  // namespace beyla::broker
