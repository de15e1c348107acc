#include "probes/loader/link_closer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <optional>

namespace beyla::probes::loader {
namespace {

constexpr int kPatienceMs = 20'000;  // a bound for a slow machine, never slept

struct Pipe {
  Pipe() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    ours = base::Fd(fds[0]);
    closed_by_it = base::Fd(fds[1]);
  }
  // The other end has been closed.
  [[nodiscard]] bool ends() const {
    pollfd wait{ours.get(), POLLIN, 0};
    return ::poll(&wait, 1, kPatienceMs) == 1 && (wait.revents & POLLHUP) != 0;
  }
  base::Fd ours;
  base::Fd closed_by_it;
};

TEST(LinkCloser, ClosesAndTellsOfEach) {
  LinkCloser closer;
  Pipe first;
  Pipe second;
  closer.close(std::move(first.closed_by_it), FileIdentity{.inode = 1});
  closer.close(std::move(second.closed_by_it), FileIdentity{.inode = 2});
  EXPECT_TRUE(first.ends());
  EXPECT_TRUE(second.ends());
  std::vector<FileIdentity> closed;
  while (closed.size() < 2) {
    for (const auto& binary : closer.take_closed()) closed.push_back(binary);
  }
  EXPECT_EQ(closed[0].inode + closed[1].inode, 3U);  // in any order
  EXPECT_EQ(closer.waiting(), 0U);
  EXPECT_TRUE(closer.take_closed().empty());
}

TEST(LinkCloser, TellsOfNoneThatNobodyAsksFor) {
  LinkCloser closer;
  Pipe alone;
  closer.close(std::move(alone.closed_by_it));
  EXPECT_TRUE(alone.ends());
  while (closer.waiting() != 0) {
  }
  EXPECT_TRUE(closer.take_closed().empty());
}

TEST(LinkCloser, EndsWhenAllAreClosed) {
  std::vector<Pipe> pipes(100);
  {
    LinkCloser closer;
    for (Pipe& pipe : pipes) closer.close(std::move(pipe.closed_by_it), {});
  }
  for (const Pipe& pipe : pipes) {
    pollfd now{pipe.ours.get(), POLLIN, 0};
    EXPECT_EQ(::poll(&now, 1, 0), 1);
  }
}

TEST(LinkCloser, EndsWithoutWork) { const LinkCloser closer; }

}  // namespace
}  // namespace beyla::probes::loader
