#include "probes/go/report/file_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "base/fd.h"

namespace beyla::probes::go {
namespace {

// "r--s" of the mapping that begins at `begin`.
std::string permissions_at(const std::byte* begin) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const auto address = std::stoull(line, nullptr, 16);
    if (address == reinterpret_cast<std::uintptr_t>(begin))
      return line.substr(line.find(' ') + 1, 4);
  }
  return {};
}

// Else an analysis reads the breakpoints that we, or others, have put into a library everywhere.
TEST(FileView, IsNoMappingThatUprobesStandIn) {
  const base::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto view = FileView::make(file.get());
  ASSERT_TRUE(view);
  EXPECT_EQ(permissions_at(view->bytes().data()), "r--s");
}

}  // namespace
}  // namespace beyla::probes::go
