#include "agent/broker/binary_shelf.h"

#include <utility>

namespace beyla::broker {

const BinaryShelf::Report* BinaryShelf::find(const File& file, base::BootTime now) const {
  const auto known = known_.find(file);
  if (known == known_.end()) return nullptr;
  const auto again = known->second.again;
  return again && now >= *again ? nullptr : &known->second.report;
}

std::optional<base::BootTime> BinaryShelf::again(const File& file) const {
  const auto known = known_.find(file);
  return known == known_.end() ? std::nullopt : known->second.again;
}

bool BinaryShelf::wait_for(const File& file, const model::ProcessKey& process) {
  if (processes_ >= kMaxWaiting) return false;
  if (!waiting_.contains(file)) {
    if (queue_.size() >= kMaxQueued) return false;
    queue_.push_back(file);
  }
  waiting_[file].push_back(process);
  ++processes_;
  return true;
}

std::optional<BinaryShelf::Next> BinaryShelf::begin_next() {
  if (queue_.empty()) return std::nullopt;
  const File file = queue_.front();
  queue_.pop_front();
  return Next{file, waiting_[file]};
}

std::vector<model::ProcessKey> BinaryShelf::finish(const File& file, std::optional<Report> report) {
  if (report) remember(file, {std::move(*report), 0, std::nullopt});
  return take_waiting(file);
}

std::vector<model::ProcessKey> BinaryShelf::fail(const File& file, base::BootTime now) {
  Known failed;
  failed.report.text = "unknown";
  const auto before = known_.find(file);
  failed.failures = 1 + (before == known_.end() ? 0 : before->second.failures);
  if (failed.failures < kMaxFailures) {
    auto wait = kFirstWait;
    for (unsigned failure = 1; failure < failed.failures; ++failure) wait *= kMorePatience;
    failed.again = now + wait;
  }
  remember(file, std::move(failed));
  return take_waiting(file);
}

void BinaryShelf::remember(const File& file, Known known) {
  if (!known_.insert_or_assign(file, std::move(known)).second) return;
  order_.push_back(file);
  if (order_.size() <= kMaxKnown) return;
  known_.erase(order_.front());
  order_.pop_front();
}

std::vector<model::ProcessKey> BinaryShelf::take_waiting(const File& file) {
  auto node = waiting_.extract(file);
  if (node.empty()) return {};
  processes_ -= node.mapped().size();
  return std::move(node.mapped());
}

}  // namespace beyla::broker
