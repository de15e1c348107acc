#include "agent/broker/stranger_budget.h"

#include <algorithm>

namespace beyla::broker {

bool StrangerBudget::spend(base::BootTime now) {
  const bool too_soon = now - batch_at_ < kLeastPause;
  batch_at_ = now;
  if (!too_soon || !may_stand(now)) return too_soon;
  barred_until_ = now + bar_;
  bar_ = std::min(bar_ * 2, kLongestBar);
  return true;
}

}  // namespace beyla::broker
