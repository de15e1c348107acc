#include "agent/spawn/opener.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/spawn/spawn_test_support.h"

namespace beyla::agent::spawn::testing {
namespace {

class Opener : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "beyla_opener_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    before_ = count_fds(::getpid());
  }
  void TearDown() override {
    std::filesystem::remove_all(folder_);
    EXPECT_EQ(count_fds(::getpid()), before_);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }
  std::string path(const char* name) const { return folder_ / name; }

  std::filesystem::path folder_;
  std::size_t before_ = 0;
};

TEST_F(Opener, AFileIsHandedBack) {
  std::ofstream(path("config.yml")) << "open_port: 8080";
  const auto file = open_with_deadline(path("config.yml"), O_RDONLY, kPatience);
  ASSERT_TRUE(file) << file.error().message();
  std::array<char, 32> text{};
  EXPECT_EQ(::read(file->get(), text.data(), text.size()), 15);
  EXPECT_STREQ(text.data(), "open_port: 8080");
  EXPECT_EQ(::fcntl(file->get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(file->get(), F_GETFL) & O_ACCMODE, O_RDONLY);
}

TEST_F(Opener, WhatOpenSaysIsTheError) {
  const auto none = open_with_deadline(path("none"), O_RDONLY, kPatience);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message(), "cannot open " + path("none") + ": No such file or directory");
  EXPECT_EQ(none.error().os_errno, ENOENT);
  const auto folder = open_with_deadline(folder_, O_WRONLY, kPatience);
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().os_errno, EISDIR);
}

TEST_F(Opener, APathThatDoesNotAnswerIsAnErrorAtTheDeadline) {
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
  const auto before = std::chrono::steady_clock::now();
  const auto file = open_with_deadline(path("fifo"), O_RDONLY, std::chrono::seconds(1));
  EXPECT_GE(std::chrono::steady_clock::now() - before, std::chrono::seconds(1));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message(), path("fifo") + " did not answer within 1 s");
}

TEST_F(Opener, TheDescriptorsThatAnExecWouldLeaveCanBeNamed) {
  std::ofstream(path("text")) << "x";
  const base::Fd kept(::open(path("text").c_str(), O_RDONLY));
  const base::Fd ours(::open(path("text").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(open_with_deadline("/dev/fd/" + std::to_string(kept.get()), O_RDONLY, kPatience));
  EXPECT_FALSE(open_with_deadline("/dev/fd/" + std::to_string(ours.get()), O_RDONLY, kPatience));
}

}  // namespace
}  // namespace beyla::agent::spawn::testing
