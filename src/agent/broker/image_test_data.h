// Made-up processes and ELF workers, for the tests of the image desk.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "abi/go_report.h"
#include "agent/broker/elf_workers.h"
#include "model/process.h"

namespace beyla::broker::testing {

constexpr std::uint64_t kTickNs = 10'000'000;

// A /proc of its own, in a folder that goes with it.
class FakeProc {
 public:
  FakeProc() {
    std::string name = ::testing::TempDir() + "beyla_proc_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  [[nodiscard]] std::string root() const { return root_.string(); }

  // An executable file, whose content is its name.
  std::filesystem::path file(const std::string& name) const {
    const auto path = root_ / name;
    if (!std::filesystem::exists(path)) std::ofstream(path) << name;
    return path;
  }
  // A process that runs it, with that key. Again: it is another one, or has called exec.
  void run(const model::ProcessKey& key, const std::filesystem::path& exe,
           std::uint64_t flags = 0) const {
    const auto folder = root_ / std::to_string(key.pid);
    std::filesystem::create_directories(folder);
    std::filesystem::remove(folder / "exe");
    std::filesystem::create_symlink(exe, folder / "exe");
    std::ofstream(folder / "maps") << "";
    std::ofstream(folder / "stat")
        << key.pid << " (a) b) S 1 1 1 0 -1 " << flags << " 0 0 0 0 0 0 0 0 20 0 1 0 "
        << key.start_ns / kTickNs << " 0\n";
  }
  // It has mapped these files of file(), too; the large ones with much code.
  void map(const model::ProcessKey& key, const std::vector<std::string>& names,
           const std::vector<std::string>& large = {}) const {
    const auto folder = root_ / std::to_string(key.pid);
    std::filesystem::create_directories(folder / "map_files");
    std::ofstream maps(folder / "maps");
    std::uint64_t address = 0x10000000;
    for (const auto& name : names) {
      const bool is_large = std::ranges::find(large, name) != large.end();
      const std::uint64_t end = address + (is_large ? 0x100000 : 0x1000);
      const auto range = fmt::format("{:x}-{:x}", address, end);
      maps << range << " r-xp 0 08:01 " << address << " /lib/" << name << "\n";
      std::filesystem::remove(folder / "map_files" / range);
      std::filesystem::create_symlink(file(name), folder / "map_files" / range);
      address += 0x10000000;
    }
  }
  void end(const model::ProcessKey& key) const {
    std::filesystem::remove_all(root_ / std::to_string(key.pid));
  }

 private:
  std::filesystem::path root_;
};

// Workers that are this test; each is known by what its file holds.
class FakeWorkers final : public ElfWorkers {
 public:
  base::Result<Started> start(int exe_fd) override {
    if (fails) return base::fail_errno(EAGAIN, "no process left");
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    char content[64] = {};
    EXPECT_GT(::pread(exe_fd, content, sizeof(content) - 1, 0), 0);
    started.emplace_back(content);
    running[content] = base::Fd(ends[1]);
    return Started{started.size(), base::Fd(ends[0])};
  }
  void kill(std::uint64_t id) override { killed.push_back(started[id - 1]); }

  template <typename Message>
  void answer(const std::string& file, const Message& message) {
    EXPECT_EQ(::send(running[file].get(), &message, sizeof(message), MSG_NOSIGNAL),
              static_cast<ssize_t>(sizeof(message)));
  }
  void die(const std::string& file) { running.erase(file); }

  bool fails = false;
  std::vector<std::string> started;  // in order; what the file of each holds
  std::vector<std::string> killed;
  std::map<std::string, base::Fd> running;  // the worker's end of the channel
};

inline abi::binary_report other_report() {
  abi::binary_report report{};
  report.version = abi::kBinaryReportVersion;
  report.length = sizeof(report);
  report.kind = abi::kBinaryOther;
  std::memcpy(report.text, "not_go", 6);
  report.points.version = abi::kProbePointsVersion;
  report.points.length = sizeof(report.points);
  return report;
}

inline abi::binary_report tls_report() {
  abi::binary_report report = other_report();
  report.kind = abi::kBinaryTls;
  std::memcpy(report.text, "openssl", 8);
  report.points.count = 1;
  report.points.points[0].probe = abi::kTlsFreeEnter;
  return report;
}

// With one point.
inline abi::binary_report go_report() {
  abi::binary_report report = other_report();
  report.kind = abi::kBinaryGo;
  std::memcpy(report.text, "go1.26", 6);
  for (auto& offset : report.go.offset) offset = abi::kGoAbsentField;
  report.points.count = 1;
  report.points.points[0].probe = abi::kGoProbeServeHttp;
  report.points.points[0].symbol_offset = 0x1000;
  report.points.points[0].symbol_bytes = 64;
  report.points.points[0].point_offset = 0x1010;
  return report;
}

}  // namespace beyla::broker::testing
