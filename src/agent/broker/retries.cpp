#include "agent/broker/retries.h"

#include <algorithm>

namespace beyla::broker {

bool Retries::put(const model::ProcessKey& process, base::BootTime now, base::BootTime earliest) {
  if (!known_.contains(process) && known_.size() >= kMaxProcesses) return false;
  Known& known = known_[process];
  if (known.place) return true;
  if (known.tries == kMaxTries) {
    known_.erase(process);
    return false;
  }
  const auto wait = std::min(kMaxWait, kFirstWait * (1 << known.tries));
  ++known.tries;
  known.place = queue_.emplace(std::max(now + wait, earliest), process);
  return true;
}

std::optional<model::ProcessKey> Retries::take(base::BootTime now) {
  if (queue_.empty() || now < queue_.begin()->first) return std::nullopt;
  const model::ProcessKey process = queue_.begin()->second;
  queue_.erase(queue_.begin());
  known_.at(process).place.reset();
  return process;
}

void Retries::forget(const model::ProcessKey& process) {
  const auto known = known_.find(process);
  if (known == known_.end()) return;
  if (known->second.place) queue_.erase(*known->second.place);
  known_.erase(known);
}

std::optional<base::BootTime> Retries::due() const {
  if (queue_.empty()) return std::nullopt;
  return queue_.begin()->first;
}

}  // namespace beyla::broker
