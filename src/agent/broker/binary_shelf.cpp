#include "agent/broker/binary_shelf.h"

#include <utility>

namespace beyla::broker {

const BinaryShelf::Report* BinaryShelf::find(const File& file) const {
  const auto known = known_.find(file);
  return known == known_.end() ? nullptr : &known->second;
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
  auto node = waiting_.extract(file);
  if (report && known_.try_emplace(file, std::move(*report)).second) {
    order_.push_back(file);
    if (order_.size() > kMaxKnown) {
      known_.erase(order_.front());
      order_.pop_front();
    }
  }
  if (node.empty()) return {};
  processes_ -= node.mapped().size();
  return std::move(node.mapped());
}

}  // namespace beyla::broker
