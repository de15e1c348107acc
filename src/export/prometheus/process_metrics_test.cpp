#include "export/prometheus/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
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
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  static base::Fd open(const fs::path& path) {
    return base::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  }
  static std::map<std::string, std::string> values(const ProcessFiles& files) {
    std::vector<Sample> samples;
    collect_process_metrics(files, samples);
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

TEST_F(ProcessMetrics, AddsUpTheProcessesAndTheirEndedChildren) {
  write("42/stat",
        "42 (be) la)) S 1 42 42 0 -1 4194560 100 0 0 0 150 25 7 3 20 0 4 0 12345 1048576 300 "
        "18446744073709551615 1 1 0\n");
  write("43/stat",
        "43 (beyla) S 42 42 42 0 -1 4194560 100 0 0 0 10 5 0 0 20 0 4 0 22345 4096 20 0 1 1 0\n");
  write("stat", "cpu  1 2 3\nintr 5\nctxt 9\nbtime 1700000000\nprocesses 7\n");
  ASSERT_EQ(sysconf(_SC_CLK_TCK), 100);
  ProcessFiles files{{}, open(root_ / "stat")};
  files.stats.push_back(open(root_ / "42/stat"));
  files.stats.push_back(open(root_ / "43/stat"));
  auto found = values(files);
  EXPECT_EQ(found["process_cpu_seconds_total"], "2\n");  // 150 + 25 + 7 + 3 + 10 + 5 ticks
  EXPECT_EQ(found["process_resident_memory_bytes"],
            std::to_string(320 * sysconf(_SC_PAGESIZE)) + "\n");
  EXPECT_EQ(found["process_virtual_memory_bytes"], "1052672\n");
  EXPECT_EQ(found["process_start_time_seconds"], "1700000123.45\n");
}

TEST_F(ProcessMetrics, CountsTheDescriptorsOfThisProcess) {
  const int before = std::stoi(values({})["process_open_fds"]);
  const base::Fd one(::dup(0));
  ASSERT_TRUE(one.valid());
  auto found = values({});
  EXPECT_EQ(std::stoi(found["process_open_fds"]), before + 1);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(found["process_max_fds"], std::to_string(limit.rlim_cur) + "\n");
}

TEST_F(ProcessMetrics, LeavesOutWhatItCannotRead) {
  write("42/stat", "42 (cut");
  ProcessFiles files;
  files.stats.push_back(open(root_ / "42/stat"));
  files.stats.push_back(open(root_ / "missing/stat"));
  const auto found = values(files);
  EXPECT_EQ(found.size(), 2U);
  EXPECT_TRUE(found.contains("process_open_fds") && found.contains("process_max_fds"));
}

TEST_F(ProcessMetrics, ReadsThisProcess) {
  ProcessFiles files{{}, open("/proc/stat")};
  files.stats.push_back(open("/proc/self/stat"));
  EXPECT_EQ(values(files).size(), 6U);
}

}  // namespace
}  // namespace beyla::exporters::prometheus
