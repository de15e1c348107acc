#include "base/start_pages.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace beyla::base {
namespace {

constexpr std::size_t kPage = 4096;

// Larger than what the kernel maps around one fault (64 KiB).
constexpr std::array<std::uint8_t, 1 << 20> kConstants{1};
std::array<std::uint8_t, 1 << 20> variables{1};

std::size_t resident(const void* begin, std::size_t bytes) {
  // Of this process, unlike mincore(2), which tells of the page cache.
  std::vector<std::uint64_t> entries(bytes / kPage);
  const int map = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  const auto at = reinterpret_cast<std::uintptr_t>(begin) / kPage * sizeof(std::uint64_t);
  const auto got = ::pread(map, entries.data(), entries.size() * 8, static_cast<off_t>(at));
  ::close(map);
  EXPECT_EQ(got, static_cast<ssize_t>(entries.size() * 8));
  std::size_t present = 0;
  for (const std::uint64_t entry : entries) present += entry >> 63U;
  return present;
}

template <typename Bytes>
unsigned touch(const Bytes& bytes) {
  unsigned sum = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kPage) {
    sum += *static_cast<const volatile std::uint8_t*>(&bytes[at]);
  }
  return sum;
}

TEST(StartPages, ConstantsGoAndComeBackAndVariablesStay) {
  for (std::size_t at = 0; at < variables.size(); at += kPage) variables[at] = 7;
  const unsigned before = touch(kConstants);
  const std::size_t loaded = resident(kConstants.data(), kConstants.size());
  EXPECT_EQ(loaded, kConstants.size() / kPage);
  forget_pages_of_start();
  EXPECT_LT(resident(kConstants.data(), kConstants.size()), loaded / 4);
  EXPECT_EQ(touch(kConstants), before);
  EXPECT_EQ(touch(variables), 7 * variables.size() / kPage);
}

// Code of libraries, relocated tables, exceptions: all of it still works.
TEST(StartPages, TheProgramGoesOn) {
  forget_pages_of_start();
  forget_pages_of_start();
  EXPECT_THROW(static_cast<void>(std::string("x").at(2)), std::out_of_range);
  EXPECT_EQ(std::stod("2.5"), 2.5);
}

}  // namespace
}  // namespace beyla::base
