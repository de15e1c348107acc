// A configuration file that nothing answers for, on a FUSE server: wherever it hangs, the broker
// goes on at the deadline, or a second later.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>

#include "agent/config/handover/file_copy.h"
#include "agent/spawn/hanging_fuse.h"

namespace beyla::agent {
namespace {

using spawn::testing::HangAt;
using spawn::testing::HangingFuse;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kDeadline{300};
constexpr std::chrono::seconds kAtMostLater{3};  // a second, and a slow machine

class StuckConfigFile : public testing::TestWithParam<HangAt> {};

TEST_P(StuckConfigFile, HoldsUpTheBrokerForALimitedTime) {
  auto fuse = HangingFuse::mount(GetParam());
  if (!fuse) GTEST_SKIP() << "no FUSE here: " << fuse.error().message();
  const std::string path = (*fuse)->file();
  const auto deadline = steady_clock::now() + kDeadline;
  const auto copy = config::copy_config_file(path, deadline);
  const auto after = steady_clock::now();
  ASSERT_FALSE(copy);
  EXPECT_EQ(copy.error().message(), "cannot read config file " + path + ": nothing answers there");
  EXPECT_GE(after, deadline);
  EXPECT_LT(after, deadline + kAtMostLater);
  if (GetParam() != HangAt::start) {
    EXPECT_TRUE((*fuse)->has_hung());
  }
  (*fuse)->abort();  // what could not be ended ends now
  fuse->reset();
  while (::waitpid(-1, nullptr, 0) > 0) continue;
  EXPECT_EQ(errno, ECHILD);
}
INSTANTIATE_TEST_SUITE_P(Where, StuckConfigFile,
                         testing::Values(HangAt::start, HangAt::open, HangAt::read,
                                         HangAt::read_by_pages));

}  // namespace
}  // namespace beyla::agent
