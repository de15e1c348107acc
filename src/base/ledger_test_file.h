// Files for the tests of the ledger.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/ledger.h"

namespace beyla::base {

inline Fd test_file() { return Fd(::memfd_create("ledger test", MFD_CLOEXEC | MFD_ALLOW_SEALING)); }

inline std::vector<std::byte> content_of(int fd) {
  struct stat status{};
  EXPECT_EQ(::fstat(fd, &status), 0);
  std::vector<std::byte> content(static_cast<std::size_t>(status.st_size));
  EXPECT_EQ(::pread(fd, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
  return content;
}

inline Fd file_of(std::span<const std::byte> content) {
  Fd file = test_file();
  EXPECT_EQ(::pwrite(file.get(), content.data(), content.size(), 0),
            static_cast<ssize_t>(content.size()));
  return file;
}

inline std::unique_ptr<Ledger> must_open(int fd, std::span<const std::size_t> region_bytes) {
  auto ledger = Ledger::open(fd, region_bytes);
  EXPECT_TRUE(ledger.has_value()) << ledger.error().message();
  return ledger ? std::move(*ledger) : nullptr;
}

inline std::uint64_t cell(const Ledger& ledger, std::size_t region, std::size_t index) {
  std::uint64_t value = 0;
  std::memcpy(&value, ledger.committed(region).subspan(index * sizeof(value)).data(),
              sizeof(value));
  return value;
}

inline void stage_cell(Ledger& ledger, std::size_t region, std::size_t index, std::uint64_t value) {
  ledger.stage(region, index * sizeof(value), std::as_bytes(std::span(&value, 1)));
}

}  // namespace beyla::base
