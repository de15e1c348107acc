#include "agent/broker/file_watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace beyla::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FileWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "beyla_watch_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write(const char* name, const char* text) const { std::ofstream(folder_ / name) << text; }
  void watch(const char* name, std::uint64_t inode) {
    const base::Fd file(::open((folder_ / name).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(watch_.add(file.get(), {.inode = inode}));
  }

  std::filesystem::path folder_;
  FileWatch watch_ = FileWatch::make().value();
};

TEST_F(FileWatchTest, TellsOfAFileThatWasWrittenOnce) {
  write("one", "1");
  write("two", "2");
  watch("one", 1);
  watch("two", 2);
  EXPECT_THAT(watch_.take_written(), IsEmpty());
  write("two", "22");
  EXPECT_THAT(watch_.take_written(), ElementsAre(FileWatch::File{.inode = 2}));
  write("two", "222");
  EXPECT_THAT(watch_.take_written(), IsEmpty());
}

TEST_F(FileWatchTest, AnotherFileInItsPlaceIsNoChange) {
  write("one", "1");
  watch("one", 1);
  write("new", "2");
  std::filesystem::rename(folder_ / "new", folder_ / "one");
  EXPECT_THAT(watch_.take_written(), IsEmpty());
}

TEST_F(FileWatchTest, AFileThatIsReadIsNotToldOf) {
  write("one", "1");
  watch("one", 1);
  std::string text;
  std::ifstream(folder_ / "one") >> text;
  EXPECT_EQ(text, "1");
  EXPECT_THAT(watch_.take_written(), IsEmpty());
}

}  // namespace
}  // namespace beyla::broker
