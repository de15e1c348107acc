// A file of a FUSE server that takes a request and never answers: the worst that a read can meet,
// as the kernel then lets even SIGKILL wait.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "agent/spawn/hanging_fuse.h"
#include "agent/spawn/spawn_test_support.h"

namespace beyla::agent::spawn::testing {
namespace {

constexpr std::chrono::seconds kDeadline{1};

int read_first_file(base::Fd channel, std::vector<base::Fd> files) {
  send_text(channel.get(), "reading");
  std::array<char, 16> text{};
  return ::read(files.at(0).get(), text.data(), text.size()) < 0 ? 9 : 0;
}

const RoleEntry kRoles[] = {{ChildRole::config_worker,
                             "beyla-conf",
                             read_first_file,
                             {.wall = kDeadline},
                             nothing_to_secure},
                            {ChildRole::processor, "beyla-proc", obey, {}, nothing_to_secure}};

class StuckFile : public ::testing::TestWithParam<HangAt> {
 protected:
  void TearDown() override {
    fuse_.reset();
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }
  // False: skipped.
  bool mount(HangAt where) {
    auto fuse = HangingFuse::mount(where);
    if (!fuse) {
      skip(fuse.error().message());
      return false;
    }
    fuse_ = std::move(*fuse);
    return true;
  }
  static void skip(const std::string& why) { GTEST_SKIP() << "no FUSE here: " << why; }

  std::unique_ptr<HangingFuse> fuse_;
};

class StuckRead : public StuckFile {
 protected:
  // The reader is at work and its request taken.
  void start_reading(HangAt where) {
    auto started = Spawner::start(kRoles, kOpenHooks);
    ASSERT_TRUE(started) << started.error().message();
    spawner_.emplace(std::move(*started));
    if (!mount(where)) return;
    const base::Fd file(::open(fuse_->file().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file.valid());
    child_ = spawner_->spawn(ChildRole::config_worker, std::array{file.get()}).value();
    ASSERT_EQ(receive_text(child_.channel.get()), "reading");
    ASSERT_TRUE(fuse_->has_hung());
  }
  void TearDown() override {
    spawner_.reset();
    StuckFile::TearDown();
  }

  std::optional<Spawner> spawner_;
  Spawner::Child child_;
};

TEST_F(StuckRead, TheWallLimitEndsOneThatWaitsForAPage) {
  ASSERT_NO_FATAL_FAILURE(start_reading(HangAt::read_by_pages));
  if (!fuse_) return;
  EXPECT_EQ(wait_exit(*spawner_).value().signal, SIGALRM);
}

TEST_F(StuckRead, OneThatNothingCanEndHoldsUpNobodyElse) {
  ASSERT_NO_FATAL_FAILURE(start_reading(HangAt::read));
  if (!fuse_) return;
  spawner_->kill(child_.id);
  const auto other = spawner_->spawn(ChildRole::processor, {}).value();
  send_text(other.channel.get(), "7");
  const auto exit = wait_exit(*spawner_).value();
  EXPECT_EQ(exit.id, other.id);
  EXPECT_EQ(exit.exit_code, 7);
  fuse_->abort();
  EXPECT_EQ(wait_exit(*spawner_).value().signal, SIGKILL);
}

}  // namespace
}  // namespace beyla::agent::spawn::testing
