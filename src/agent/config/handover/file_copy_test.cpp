#include "agent/config/handover/file_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

using std::chrono::steady_clock;

class FileCopyTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  static steady_clock::time_point later() { return steady_clock::now() + std::chrono::seconds(20); }

  static std::string text_of(const base::Fd& file) {
    std::string text(2 * kMaxConfigBytes, '\0');
    const ssize_t got = ::read(file.get(), text.data(), text.size());
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return text;
  }

  const std::string path_ =
      testing::TempDir() + "beyla_copy_" + std::to_string(::getpid()) + ".yml";
};

TEST_F(FileCopyTest, CopiesAFileIntoSealedMemory) {
  std::ofstream(path_) << "open_port: 80\n";
  const auto copy = copy_config_file(path_, later());
  ASSERT_TRUE(copy.has_value()) << copy.error().message();
  EXPECT_EQ(text_of(*copy), "open_port: 80\n");
  EXPECT_EQ(::write(copy->get(), "x", 1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::fcntl(copy->get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(FileCopyTest, CopiesOneByteMoreThanIsAllowed) {
  std::ofstream(path_) << std::string(2 * kMaxConfigBytes, '#');
  const auto copy = copy_config_file(path_, later());
  ASSERT_TRUE(copy.has_value()) << copy.error().message();
  EXPECT_EQ(text_of(*copy).size(), kMaxConfigBytes + 1);
  EXPECT_EQ(text_of(*copy_config_file("/dev/zero", later())).size(), kMaxConfigBytes + 1);
}

TEST_F(FileCopyTest, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(copy_config_file("/no/such.yml", later()).error().message(),
            "cannot read config file /no/such.yml: No such file or directory");
  const auto directory = copy_config_file("/", later()).error();
  EXPECT_EQ(directory.message(), "cannot read config file /: Is a directory");
  EXPECT_EQ(directory.code, base::ErrorCode::invalid_argument);
}

TEST_F(FileCopyTest, DoesNotWaitForAFileThatNeverAnswers) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);  // open() waits for a writer
  const auto copy = copy_config_file(path_, steady_clock::now() + std::chrono::milliseconds(20));
  ASSERT_FALSE(copy.has_value());
  EXPECT_EQ(copy.error().message(), "cannot read config file " + path_ + ": nothing answers there");
  EXPECT_EQ(copy.error().code, base::ErrorCode::invalid_argument);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
}

TEST_F(FileCopyTest, ReadsWhatAnInheritedDescriptorGives) {
  int ends[2] = {-1, -1};  // as with --config <(...): a shell's is not close-on-exec
  ASSERT_EQ(::pipe(ends), 0);
  const base::Fd reading(ends[0]);
  base::Fd writing(ends[1]);
  ASSERT_EQ(::write(writing.get(), "a: 1\n", 5), 5);
  writing.reset();
  const auto copy = copy_config_file("/dev/fd/" + std::to_string(reading.get()), later());
  ASSERT_TRUE(copy.has_value()) << copy.error().message();
  EXPECT_EQ(text_of(*copy), "a: 1\n");
}

}  // namespace
}  // namespace beyla::agent::config
