#include "agent/broker/go_side.h"

#include <algorithm>

namespace beyla::broker {

void GoSide::turn(base::BootTime now) {
  desk_.turn(now);
  attacher_.turn(now);
}

std::optional<base::BootTime> GoSide::due(base::BootTime now) const {
  const auto looks = attacher_.due();
  const auto waits = desk_.due(now);
  return looks && waits ? std::min(*looks, *waits) : (looks ? looks : waits);
}

void GoSide::write(BrokerBooks& books) const {
  books.set(abi::kBookGoProcesses, kernel_.go()->processes());
  books.set(abi::kBookGoPoints, kernel_.go()->points());
  books.set_images(image_counts_);
  books.set_refusals(attach_counts_.refusals);
  static_assert(probes::loader::kAttachFailures == abi::kGoTooManyWait);
  for (std::size_t at = 0; at < probes::loader::kAttachFailures; ++at) {
    std::uint64_t count = attach_counts_.failures[at].value();
    if (at == abi::kGoProcessGone) count += image_counts_.gone.value();
    books.set(abi::book_of(abi::kBookGoFailures, at), count);
  }
}

}  // namespace beyla::broker
