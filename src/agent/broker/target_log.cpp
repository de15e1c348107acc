#include "agent/broker/target_log.h"

#include <algorithm>
#include <utility>

namespace beyla::broker {

void TargetLog::on_selected(const model::TargetProcess& target, base::BootTime time) {
  const model::ProcessKey& key = target.key;
  if (standing(key) == Standing::target) return;
  end_image(key.pid, time);
  if (alive_.size() >= kMaxTargets) forget_oldest_target(time);
  alive_.emplace(key.pid, key);
  append(
      {abi::kTargetSelected, key, time, target.service.name.substr(0, abi::kServiceNameBytes - 1)});
}

void TargetLog::on_rejected(const model::ProcessKey& key, base::BootTime time) {
  end_image(key.pid, time);
  append({abi::kTargetRejected, key, time, {}});
}

void TargetLog::on_exited(const model::ProcessKey& key, base::BootTime time) {
  if (standing(key) == Standing::target) end_image(key.pid, time);
}

// The target of this pid, if any, has ended or called exec, whether or not we were told.
void TargetLog::end_image(std::uint32_t pid, base::BootTime time) {
  const auto found = alive_.find(pid);
  if (found == alive_.end()) return;
  const model::ProcessKey key = found->second;
  alive_.erase(found);
  append({abi::kTargetExited, key, time, {}});
}

void TargetLog::forget_oldest_target(base::BootTime time) {
  const auto oldest = std::ranges::find_if(changes_, [&](const Change& change) {
    return change.kind == abi::kTargetSelected && standing(change.key) == Standing::target;
  });
  if (oldest == changes_.end()) return;
  ++targets_forgotten_;
  end_image(oldest->key.pid, time);
}

Standing TargetLog::standing(const model::ProcessKey& key) const {
  const auto found = alive_.find(key.pid);
  if (found == alive_.end()) return Standing::unknown;
  return found->second == key ? Standing::target : Standing::other_image;
}

void TargetLog::rewind(base::BootTime now) {
  has_reader_ = false;
  forget_past(now);
  has_reader_ = true;
  read_ = 0;
}

void TargetLog::close() { has_reader_ = false; }

void TargetLog::append(Change change) {
  const base::BootTime time = change.time;
  changes_.push_back(std::move(change));
  if (time >= forget_at_ || changes_.size() >= forget_size_) forget_past(time);
}

// Which changes say of a process that it is none of ours any more, and have said so long enough.
std::vector<bool> TargetLog::find_over(base::BootTime now) const {
  const std::size_t forgettable = has_reader_ ? read_ : changes_.size();
  const auto keep = past() > kManyPast ? kKeepManyPast : kKeepPast;
  std::size_t excess = past() - std::min(past(), kMaxPast);
  std::vector<bool> over(forgettable, false);
  for (std::size_t i = 0; i < forgettable; ++i) {
    const Change& change = changes_[i];
    if (change.kind == abi::kTargetSelected) continue;
    if (excess == 0 && now - change.time <= keep) continue;
    over[i] = true;
    const std::size_t goes = change.kind == abi::kTargetExited ? 2 : 1;  // with its selection
    excess -= std::min(excess, goes);
  }
  return over;
}

void TargetLog::forget_past(base::BootTime now) {
  const std::vector<bool> over = find_over(now);
  std::unordered_map<model::ProcessKey, std::size_t, model::ProcessKeyHash> ended;
  for (std::size_t i = 0; i < over.size(); ++i) {
    if (over[i] && changes_[i].kind == abi::kTargetExited) ++ended[changes_[i].key];
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < over.size(); ++i) {
    bool goes = over[i];
    if (changes_[i].kind == abi::kTargetSelected) {
      const auto found = ended.find(changes_[i].key);
      goes = found != ended.end();
      if (goes && --found->second == 0) ended.erase(found);
    }
    if (goes) continue;
    if (kept != i) changes_[kept] = std::move(changes_[i]);
    ++kept;
  }
  const auto begin = changes_.begin() + static_cast<std::ptrdiff_t>(kept);
  changes_.erase(begin, changes_.begin() + static_cast<std::ptrdiff_t>(over.size()));
  read_ -= std::min(read_, over.size() - kept);
  forget_at_ = now + kInterval;
  forget_size_ = changes_.size() + kStep;
}

}  // namespace beyla::broker
