// The writer's side of abi/broker_books.h: a memfd of one page that the broker alone can write. The
// processor gets its fd, and can neither write, map writable, resize nor unseal it. One thread.
#pragma once

#include <cstdint>

#include "abi/broker_books.h"
#include "agent/broker/image_desk.h"
#include "agent/broker/request_desk.h"
#include "base/fd.h"
#include "base/result.h"
#include "discover/discovery.h"
#include "probes/proof/refusal.h"

namespace beyla::broker {

class BrokerBooks {
 public:
  // All values 0. Errors: no memory, or a kernel before 5.1 (F_SEAL_FUTURE_WRITE).
  [[nodiscard]] static base::Result<BrokerBooks> make();
  BrokerBooks(BrokerBooks&& other) noexcept;
  BrokerBooks& operator=(BrokerBooks&&) = delete;
  ~BrokerBooks();

  // Seen by readers at once.
  void set(abi::broker_book book, std::uint64_t value);
  void set_discovery(const discover::DiscoveryCounts& counts);
  void set_requests(const RequestCounts& counts);
  void set_images(const ImageCounts& counts);
  void set_refusals(const probes::proof::RefusalCounts& counts);

  [[nodiscard]] int fd() const { return file_.get(); }

 private:
  BrokerBooks(base::Fd file, abi::broker_books* books);

  base::Fd file_;
  abi::broker_books* books_;  // a shared mapping, not inherited by children
};

}  // namespace beyla::broker
