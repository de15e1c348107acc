#include "export/prometheus/process_metrics.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>

#include "export/prometheus/text_format.h"

namespace beyla::exporters::prometheus {
namespace {

namespace fs = std::filesystem;

class ProcessMetrics : public testing::Test {
 protected:
  void SetUp() override {
    std::array<char, 32> path{"/tmp/process_metrics_XXXXXX"};
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    root_ = path.data();
    fs::create_directories(root_ / "self" / "fd");
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& path, const std::string& text) const {
    std::ofstream(root_ / path) << text;
  }
  static std::map<std::string, std::string> values(const fs::path& root) {
    std::vector<Sample> samples;
    collect_process_metrics(root, samples);
    std::map<std::string, std::string> result;
    for (const auto& sample : samples) {
      std::string text;
      append_samples(text, {&sample, 1});
      result[sample.name] = text.substr(text.rfind(' ') + 1);
    }
    return result;
  }

  fs::path root_;
};

TEST_F(ProcessMetrics, ReadsAFixture) {
  write("self/stat",
        "42 (be) la)) S 1 42 42 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 4 0 12345 1048576 300 "
        "18446744073709551615 1 1 0\n");
  write("self/limits",
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max open files            1024                 1048576              files     \n");
  write("stat", "cpu  1 2 3\nintr 5\nctxt 9\nbtime 1700000000\nprocesses 7\n");
  for (const auto* fd : {"self/fd/0", "self/fd/1", "self/fd/2"}) write(fd, "");
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  ASSERT_EQ(ticks, 100.0);
  auto found = values(root_);
  EXPECT_EQ(found["process_cpu_seconds_total"], "1.75\n");
  EXPECT_EQ(found["process_resident_memory_bytes"],
            std::to_string(300 * sysconf(_SC_PAGESIZE)) + "\n");
  EXPECT_EQ(found["process_virtual_memory_bytes"], "1048576\n");
  EXPECT_EQ(found["process_open_fds"], "3\n");
  EXPECT_EQ(found["process_max_fds"], "1024\n");
  EXPECT_EQ(found["process_start_time_seconds"], "1700000123.45\n");
}

TEST_F(ProcessMetrics, UnlimitedDescriptorsAreInfinite) {
  write("self/limits",
        "Max open files            unlimited            unlimited            files\n");
  EXPECT_EQ(values(root_)["process_max_fds"], "+Inf\n");
}

TEST_F(ProcessMetrics, LeavesOutWhatItCannotRead) {
  write("self/stat", "42 (cut");
  EXPECT_EQ(values(root_), (std::map<std::string, std::string>{{"process_open_fds", "0\n"}}));
  EXPECT_TRUE(values(root_ / "missing").empty());
}

TEST_F(ProcessMetrics, ReadsThisProcess) { EXPECT_EQ(values("/proc").size(), 6U); }

}  // namespace
}  // namespace beyla::exporters::prometheus
