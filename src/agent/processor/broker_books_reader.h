// What the broker counts, read from the memfd that it hands over (abi/broker_books.h). Any thread.
#pragma once

#include <cstdint>

#include "abi/broker_books.h"
#include "base/result.h"

namespace beyla::processor {

class BrokerBooksReader {
 public:
  // The fd is borrowed during the call. Errors: it is no such memfd, or could shrink under us.
  [[nodiscard]] static base::Result<BrokerBooksReader> map(int fd);
  BrokerBooksReader(BrokerBooksReader&& other) noexcept;
  BrokerBooksReader& operator=(BrokerBooksReader&&) = delete;
  ~BrokerBooksReader();

  [[nodiscard]] std::uint64_t value(abi::broker_book book) const;

 private:
  explicit BrokerBooksReader(const abi::broker_books* books) : books_(books) {}

  const abi::broker_books* books_;
};

}  // namespace beyla::processor
