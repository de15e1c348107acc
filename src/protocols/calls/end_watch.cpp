#include "protocols/calls/end_watch.h"

#include <utility>

namespace beyla::protocols::calls {

bool EndWatch::missed(const BlindCalls& calls, base::BootTime time) {
  if (missed_.size() >= kMaxWatched && !missed_.contains(calls)) return false;
  Missed& missed = missed_.try_emplace(calls, Missed{.first = time}).first->second;
  if (++missed.in_a_row < kMissedInARow || time - missed.first < kMissedFor) return false;
  return !std::exchange(missed.told, true);
}

void EndWatch::forget(const model::ProcessKey& process) {
  std::erase_if(missed_, [&](const auto& entry) { return entry.first.process == process; });
}

}  // namespace beyla::protocols::calls
