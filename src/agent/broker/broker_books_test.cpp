#include "agent/broker/broker_books.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace beyla::broker {
namespace {

// As a receiver of the fd sees it.
std::uint64_t value(const BrokerBooks& books, std::uint32_t book) {
  std::uint64_t value = ~0ULL;
  const off_t at = offsetof(abi::broker_books, values) + static_cast<off_t>(book * sizeof(value));
  EXPECT_EQ(::pread(books.fd(), &value, sizeof(value), at), static_cast<ssize_t>(sizeof(value)));
  return value;
}

TEST(BrokerBooks, BeginAtZeroWithTheirVersion) {
  const auto books = BrokerBooks::make();
  ASSERT_TRUE(books) << books.error().message();
  abi::broker_books page{};
  ASSERT_EQ(::pread(books->fd(), &page, sizeof(page), 0), static_cast<ssize_t>(sizeof(page)));
  EXPECT_EQ(page.version, abi::kBrokerBooksVersion);
  EXPECT_EQ(page.value_count, abi::kBrokerBookValues);
  for (const auto value : page.values) EXPECT_EQ(value, 0U);
}

TEST(BrokerBooks, EveryValueHasItsPlace) {
  auto books = BrokerBooks::make();
  ASSERT_TRUE(books);
  for (std::uint32_t book = 0; book < abi::kBrokerBookValues; ++book) {
    books->set(static_cast<abi::broker_book>(book), 1'000 + book);
  }
  for (std::uint32_t book = 0; book < abi::kBrokerBookValues; ++book) {
    EXPECT_EQ(value(*books, book), 1'000 + book);
  }
}

TEST(BrokerBooks, TakeTheCountsOfDiscoveryAndRequests) {
  auto books = BrokerBooks::make();
  ASSERT_TRUE(books);
  discover::DiscoveryCounts discovery;
  discovery.selected.add(5);
  discovery.ended.add(3);
  discovery.skipped_process_gone.add(2);
  books->set_discovery(discovery);
  EXPECT_EQ(value(*books, abi::kBookTargetsSelected), 5U);
  EXPECT_EQ(value(*books, abi::kBookTargetsEnded), 3U);
  EXPECT_EQ(value(*books, abi::kBookSkippedProcessGone), 2U);
  RequestCounts requests;
  requests.ready.add(1);
  requests.delivered.add(4);
  requests.repeated.add(6);
  requests.malformed[0].add(7);
  requests.malformed[static_cast<std::size_t>(Malformed::fields)].add(8);
  requests.outcomes[abi::kRequestAccepted].add(9);
  requests.outcomes[abi::kRequestAttachFailed].add(10);
  books->set_requests(requests);
  EXPECT_EQ(value(*books, abi::kBookRequestsReady), 1U);
  EXPECT_EQ(value(*books, abi::kBookRequestsDelivered), 4U);
  EXPECT_EQ(value(*books, abi::kBookRequestsRepeated), 6U);
  EXPECT_EQ(value(*books, abi::kBookRequestsMalformed), 15U);
  EXPECT_EQ(value(*books, abi::book_of(abi::kRequestAccepted)), 9U);
  EXPECT_EQ(value(*books, abi::book_of(abi::kRequestAttachFailed)), 10U);
}

TEST(BrokerBooks, AReceiverCannotChangeThem) {
  auto books = BrokerBooks::make();
  ASSERT_TRUE(books);
  books->set(abi::kBookProcessorRestarts, 4);
  const auto refuses_writing = [](int fd) {
    EXPECT_EQ(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::pwrite(fd, "x", 1, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_NE(::ftruncate(fd, 0), 0);
    EXPECT_NE(::ftruncate(fd, 8192), 0);
    EXPECT_NE(::fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);  // even one it has
    EXPECT_NE(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  };
  const base::Fd passed(::fcntl(books->fd(), F_DUPFD_CLOEXEC, 0));
  refuses_writing(passed.get());
  // Opened anew it has rights of its own.
  const std::string path = "/proc/self/fd/" + std::to_string(books->fd());
  const base::Fd reopened(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (reopened.valid()) refuses_writing(reopened.get());
  void* const page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, passed.get(), 0);
  ASSERT_NE(page, MAP_FAILED);
  EXPECT_NE(::mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
  ::munmap(page, 4096);
  EXPECT_EQ(value(*books, abi::kBookProcessorRestarts), 4U);
}

TEST(BrokerBooks, TheBrokerGoesOnWritingAfterAMove) {
  auto made = BrokerBooks::make();
  ASSERT_TRUE(made);
  BrokerBooks books = std::move(*made);
  books.set(abi::kBookProcessEventsRead, 12);
  EXPECT_EQ(value(books, abi::kBookProcessEventsRead), 12U);
}

// The pages of /proc/self/maps that may be written and belong to the books.
bool maps_writable_books() {
  const base::Fd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(maps.get(), buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (line.find("beyla_books") != std::string::npos && line.find(" rw-s ") != std::string::npos) {
      return true;
    }
    begin = end + 1;
  }
  return false;
}

TEST(BrokerBooks, AChildDoesNotInheritTheWritableMapping) {
  const auto books = BrokerBooks::make();
  ASSERT_TRUE(books);
  EXPECT_TRUE(maps_writable_books());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(maps_writable_books() ? 1 : 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace beyla::broker
