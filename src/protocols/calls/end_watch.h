// Whether the calls of a process begin and never end: the function that would tell was inlined, and
// nobody noticed when the probes were put in. Time says nothing, since a request may last for days:
// what counts are calls that have ended unseen for certain, as their goroutine or their name serves
// another one. One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <unordered_map>

#include "base/clock.h"
#include "model/process.h"
#include "protocols/calls/open_calls.h"

namespace beyla::protocols::calls {

struct BlindCalls {
  model::ProcessKey process;
  CallFamily family = CallFamily::http1;
  bool operator==(const BlindCalls&) const = default;
};

class EndWatch {
 public:
  // Ours. So many in a row, over so long: lost records come with others that are not.
  static constexpr unsigned kMissedInARow = 64;
  static constexpr std::chrono::seconds kMissedFor{2};
  static constexpr std::size_t kMaxWatched = 1024;  // those above are not watched

  // A call has ended unseen. True, once: its like never end.
  [[nodiscard]] bool missed(const BlindCalls& calls, base::BootTime time);
  // The end of one was seen.
  void ended(const BlindCalls& calls) {
    if (!missed_.empty()) missed_.erase(calls);
  }
  void forget(const model::ProcessKey& process);
  [[nodiscard]] std::size_t size() const { return missed_.size(); }

 private:
  struct Missed {
    base::BootTime first;
    unsigned in_a_row = 0;
    bool told = false;
  };
  struct Hash {
    std::size_t operator()(const BlindCalls& calls) const noexcept {
      return model::ProcessKeyHash{}(calls.process) * 8 + static_cast<std::size_t>(calls.family);
    }
  };

  std::unordered_map<BlindCalls, Missed, Hash> missed_;
};

}  // namespace beyla::protocols::calls
