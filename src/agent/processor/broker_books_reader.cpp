#include "agent/processor/broker_books_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace beyla::processor {

base::Result<BrokerBooksReader> BrokerBooksReader::map(int fd) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return base::fail_errno(errno, "the broker's books");
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (status.st_size != abi::kBrokerBooksBytes || seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "the broker's books are not a sealed page");
  }
  const void* const page = ::mmap(nullptr, abi::kBrokerBooksBytes, PROT_READ, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return base::fail_errno(errno, "cannot map the broker's books");
  BrokerBooksReader reader(static_cast<const abi::broker_books*>(page));
  if (reader.books_->version != abi::kBrokerBooksVersion ||
      reader.books_->value_count != abi::kBrokerBookValues) {
    return base::fail(base::ErrorCode::unsupported, "the broker's books are of another version");
  }
  return reader;
}

BrokerBooksReader::BrokerBooksReader(BrokerBooksReader&& other) noexcept
    : books_(std::exchange(other.books_, nullptr)) {}

BrokerBooksReader::~BrokerBooksReader() {
  // The interface of munmap() takes no const; nothing is written.
  if (books_ != nullptr) {
    ::munmap(const_cast<abi::broker_books*>(books_), abi::kBrokerBooksBytes);
  }
}

std::uint64_t BrokerBooksReader::value(abi::broker_book book) const {
  return __atomic_load_n(&books_->values[book], __ATOMIC_ACQUIRE);  // no atomic_ref of const yet
}

}  // namespace beyla::processor
