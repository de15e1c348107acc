#include "agent/broker/broker_books.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <utility>

namespace beyla::broker {
namespace {

constexpr unsigned kNoExecSeal = 8;  // MFD_NOEXEC_SEAL, linux/memfd.h since 6.3
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

base::Fd make_file() {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int fd = ::memfd_create("beyla_books", kFlags | kNoExecSeal);
  if (fd >= 0 || errno != EINVAL) return base::Fd(fd);
  return base::Fd(::memfd_create("beyla_books", kFlags));
}

}  // namespace

base::Result<BrokerBooks> BrokerBooks::make() {
  base::Fd file = make_file();
  if (!file.valid() || ::ftruncate(file.get(), abi::kBrokerBooksBytes) != 0) {
    return base::fail_errno(errno, "cannot make the broker's books");
  }
  void* const page =
      ::mmap(nullptr, abi::kBrokerBooksBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (page == MAP_FAILED) return base::fail_errno(errno, "cannot map the broker's books");
  BrokerBooks books(std::move(file), new (page) abi::broker_books{});
  books.books_->version = abi::kBrokerBooksVersion;
  books.books_->value_count = abi::kBrokerBookValues;
  // A child that inherited the mapping could write through it.
  if (::madvise(page, abi::kBrokerBooksBytes, MADV_DONTFORK) != 0 ||
      ::fcntl(books.fd(), F_ADD_SEALS, kSeals) != 0) {
    return base::fail_errno(errno, "cannot seal the broker's books");
  }
  return books;
}

BrokerBooks::BrokerBooks(base::Fd file, abi::broker_books* books)
    : file_(std::move(file)), books_(books) {}

BrokerBooks::BrokerBooks(BrokerBooks&& other) noexcept
    : file_(std::move(other.file_)), books_(std::exchange(other.books_, nullptr)) {}

BrokerBooks::~BrokerBooks() {
  if (books_ != nullptr) ::munmap(books_, abi::kBrokerBooksBytes);
}

void BrokerBooks::set(abi::broker_book book, std::uint64_t value) {
  std::atomic_ref(books_->values[book]).store(value, std::memory_order_release);
}

void BrokerBooks::set_discovery(const discover::DiscoveryCounts& counts) {
  set(abi::kBookTargetsSelected, counts.selected.value());  // before those that ended, see there
  set(abi::kBookTargetsEnded, counts.ended.value());
  set(abi::kBookSkippedProcessGone, counts.skipped_process_gone.value());
  set(abi::kBookSkippedNotPermitted, counts.skipped_not_permitted.value());
}

void BrokerBooks::set_images(const ImageCounts& counts) {
  set(abi::book_of(abi::kBookBinaries, abi::kBinaryIsGo), counts.go.value());
  set(abi::book_of(abi::kBookBinaries, abi::kBinaryIsTls), counts.tls.value());
  set(abi::book_of(abi::kBookBinaries, abi::kBinaryIsOther), counts.other.value());
  set(abi::book_of(abi::kBookBinaries, abi::kBinaryTlsUnfit), counts.tls_unfit.value());
  set(abi::kBookGoInlined, counts.inlined.value());
  static_assert(kAnalysisFailures == abi::kBinaryTlsUnfit - abi::kBinaryNotStarted);
  for (std::size_t at = 0; at < kAnalysisFailures; ++at) {
    set(abi::book_of(abi::kBookBinaries, abi::kBinaryNotStarted + at), counts.failures[at].value());
  }
  set(abi::book_of(abi::kBookGoFailures, abi::kGoTooManyWait), counts.too_many.value());
  set(abi::book_of(abi::kBookGoFailures, abi::kGoNotPermitted), counts.not_permitted.value());
  set(abi::book_of(abi::kBookGoRetries, abi::kGoRetryDone), counts.retried.value());
  set(abi::book_of(abi::kBookGoRetries, abi::kGoRetryAgain), counts.retried_in_vain.value());
  set(abi::book_of(abi::kBookGoRetries, abi::kGoRetryGivenUp), counts.given_up.value());
}

void BrokerBooks::set_refusals(const probes::proof::RefusalCounts& counts) {
  static_assert(probes::proof::kRefusals == abi::kProbeRefusals);
  for (std::size_t at = 0; at < probes::proof::kRefusals; ++at) {
    set(abi::book_of(abi::kBookGoRefusals, at),
        counts.value(static_cast<probes::proof::Refusal>(at)));
  }
}

void BrokerBooks::set_requests(const RequestCounts& counts) {
  set(abi::kBookRequestsReady, counts.ready.value());
  set(abi::kBookRequestsDelivered, counts.delivered.value());
  set(abi::kBookRequestsRepeated, counts.repeated.value());
  set(abi::kBookRequestsMalformed, counts.all_malformed());
  for (std::uint32_t outcome = 0; outcome < counts.outcomes.size(); ++outcome) {
    set(abi::book_of(static_cast<abi::request_outcome>(outcome)), counts.outcomes[outcome].value());
  }
}

}  // namespace beyla::broker
