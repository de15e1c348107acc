#include "agent/broker/go_side.h"

namespace beyla::broker {

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
