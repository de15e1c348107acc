#include "protocols/calls/trace_parents.h"

namespace beyla::protocols::calls {

std::size_t TraceParents::Hash::operator()(const AnnouncedRequest& request) const noexcept {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;  // 2^64 / golden ratio
  std::uint64_t mixed = model::ProcessKeyHash{}(request.process);
  for (const std::uint64_t word : {request.owner, request.name}) {
    mixed = (mixed ^ word) * kOdd;
    mixed ^= mixed >> 32U;
  }
  return mixed;
}

bool TraceParents::keep(const AnnouncedRequest& request, const model::TraceParent& parent,
                        base::BootTime time) {
  expire(time);
  while (!arrivals_.empty() && !oldest_waits()) arrivals_.pop_front();
  const bool fits = arrivals_.size() < kMaxKept;
  if (!fits) forget_oldest();
  kept_[request] = {parent, time, ++last_serial_};
  arrivals_.push_back({request, time, last_serial_});
  return fits;
}

std::optional<model::TraceParent> TraceParents::take(const AnnouncedRequest& request,
                                                     base::BootTime time) {
  const auto found = kept_.find(request);
  if (found == kept_.end()) return std::nullopt;
  const Kept kept = found->second;
  kept_.erase(found);
  if (time - kept.time > kMaxAge) return std::nullopt;
  return kept.parent;
}

void TraceParents::expire(base::BootTime now) {
  while (!arrivals_.empty() && now - arrivals_.front().time > kMaxAge) forget_oldest();
}

// An announcement that was replaced has another serial.
bool TraceParents::oldest_waits() const {
  const auto found = kept_.find(arrivals_.front().request);
  return found != kept_.end() && found->second.serial == arrivals_.front().serial;
}

void TraceParents::forget_oldest() {
  if (oldest_waits()) kept_.erase(arrivals_.front().request);
  arrivals_.pop_front();
}

}  // namespace beyla::protocols::calls
