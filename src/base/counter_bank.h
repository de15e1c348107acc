// Counters that live in the stages, kept in a region of a ledger so that they go on after a crash.
// A fixed list in a fixed order: a region that holds another list, by name, is as if empty.
// The thread that commits the ledger, but for committed().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/ledger.h"

namespace beyla::base {

class CounterBank {
 public:
  static constexpr std::size_t kMaxCounters = 254;
  struct Member {
    std::string_view name;  // of its meaning: another name is another counter. Read at make() only
    Counter* counter = nullptr;  // borrowed: outlives the bank
  };

  // The same for every list, so that a new counter leaves the ledger's other regions as they are.
  [[nodiscard]] static constexpr std::size_t region_bytes() {
    return (kMaxCounters + 2) * sizeof(std::uint64_t);
  }

  // Borrows the ledger. REQUIRES: at most kMaxCounters; a region of region_bytes().
  CounterBank(Ledger& ledger, std::size_t region, std::span<const Member> members);

  // Sets the counters to what a predecessor committed; false: there is nothing of this list.
  // Call before anybody counts.
  bool restore();
  // Stages those that have changed. Call before Ledger::commit().
  void stage();

  // Of the member `index`, as of the last commit; 0 before the first. Any thread.
  [[nodiscard]] std::uint64_t committed(std::size_t index) const;
  [[nodiscard]] std::size_t size() const { return counters_.size(); }

 private:
  [[nodiscard]] bool is_ours() const;

  Ledger& ledger_;
  std::size_t region_;
  std::uint64_t fingerprint_;
  std::vector<Counter*> counters_;
  std::vector<std::uint64_t> staged_;
  bool is_headed_ = false;  // the fingerprint has been staged, or was there
};

}  // namespace beyla::base
