#include "discover/discovery.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace beyla::discover {
namespace {

// A /proc with one process, so that no real one is needed.
class FakeProc {
 public:
  FakeProc() : root_(std::filesystem::temp_directory_path() / ("proc" + std::to_string(getpid()))) {
    std::filesystem::create_directories(root_);
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }
  void add(std::uint32_t pid, const std::string& executable, std::uint64_t ticks,
           const std::string& environment) {
    const auto folder = root_ / std::to_string(pid);
    std::filesystem::create_directories(folder);
    std::filesystem::create_symlink(executable, folder / "exe");
    std::ofstream(folder / "environ") << environment;
    std::ofstream stat(folder / "stat");
    stat << pid << " (a) b) S";
    for (int field = 4; field < 22; ++field) stat << " 0";
    stat << " " << ticks << " 0";
  }
  [[nodiscard]] std::string root() const { return root_.string(); }

 private:
  std::filesystem::path root_;
};

struct FakeMap final : model::TargetMap {
  std::vector<std::uint32_t> rejected;
  std::vector<std::uint32_t> selected;
  int marks = 0;
  void select(const model::ProcessKey& key) override { selected.push_back(key.pid); }
  void reject(const model::ProcessKey& key) override { rejected.push_back(key.pid); }
  void mark_open_sockets() override { ++marks; }
};

struct FakeSink final : model::TargetSink {
  std::vector<std::string> names;
  int rejected = 0;
  int exited = 0;
  void on_selected(const model::TargetProcess& target, base::BootTime) override {
    names.push_back(target.service.name);
  }
  void on_rejected(const model::ProcessKey&, base::BootTime) override { ++rejected; }
  void on_exited(const model::ProcessKey&, base::BootTime) override { ++exited; }
};

struct DiscoveryTest : testing::Test {
  FakeProc proc;
  FakeMap map;
  FakeSink sink;
  DiscoveryCounts counts;
  Discovery make(SelectionRules rules) {
    return {std::move(rules), inspect::ProcessInspector(proc.root()), map, sink, counts};
  }
};

constexpr model::ProcessKey kKey{7, 1, 5'000'000'000};  // 500 ticks

TEST_F(DiscoveryTest, NamesTheServiceAfterTheExecutable) {
  proc.add(7, "/usr/bin/testserver", 500, "PATH=/bin");
  make({}).on_started({kKey, "testserver", false});
  EXPECT_EQ(sink.names, std::vector<std::string>{"testserver"});
}

TEST_F(DiscoveryTest, TheTargetsOwnServiceNameWins) {
  proc.add(7, "/usr/bin/testserver", 500, std::string("A=1\0OTEL_SERVICE_NAME=shop\0", 27));
  make({"", "agent-name"}).on_started({kKey, "testserver", false});
  EXPECT_EQ(sink.names, std::vector<std::string>{"shop"});
}

TEST_F(DiscoveryTest, RejectsAnExecutableThatDoesNotMatch) {
  proc.add(7, "/usr/bin/testserver", 500, "");
  make({"nginx", ""}).on_started({kKey, "testserver", false});
  EXPECT_TRUE(sink.names.empty());
  EXPECT_EQ(map.rejected, std::vector<std::uint32_t>{7});
}

TEST_F(DiscoveryTest, ASelectionTakesBackTheRejectionOfTheImageBefore) {
  proc.add(7, "/usr/sbin/nginx", 500, "");
  auto discovery = make({"nginx", ""});
  discovery.on_started({kKey, "nginx", false});
  EXPECT_EQ(map.selected, std::vector<std::uint32_t>{7});
}

TEST_F(DiscoveryTest, AReusedPidIsNotTakenForTheOldProcess) {
  proc.add(7, "/usr/sbin/nginx", 501, std::string("OTEL_SERVICE_NAME=new\0", 22));
  make({"/usr/sbin/nginx", ""}).on_started({kKey, "nginx", false});
  EXPECT_TRUE(sink.names.empty());
  EXPECT_EQ(counts.skipped_process_gone.value(), 1U);
  EXPECT_EQ(sink.rejected, 1);
}

TEST_F(DiscoveryTest, AProcessThatHasEndedMatchesByTheKernelsName) {
  proc.add(7, "/usr/bin/apache", 501, "");
  make({"ngi", ""}).on_started({kKey, "nginx", false});
  EXPECT_EQ(sink.names, std::vector<std::string>{"nginx"});
}

TEST_F(DiscoveryTest, AProcessThatHasEndedMatchesByThePathOfItsExec) {
  auto discovery = make({"/srv/shop/", ""});
  model::ProcessStarted ended{kKey, "curl", false};
  ended.executable_path = "/srv/shop/curl";
  discovery.on_started(ended);
  model::ProcessStarted script{{8, 1, 5'000'000'000}, "bash", false};
  script.executable_path = "/srv/shop/script";
  discovery.on_started(script);
  EXPECT_EQ(sink.names, std::vector<std::string>{"curl"});
}

TEST_F(DiscoveryTest, APidReusedWithinATickIsTold) {
  proc.add(7, "/usr/bin/next", 500, "");
  auto discovery = make({"nginx", ""});
  discovery.on_started({kKey, "nginx", false});
  EXPECT_TRUE(sink.names.empty());  // not decided: its end may be behind it in the ring
  discovery.on_exited(kKey, {});
  discovery.finish_batch();
  EXPECT_EQ(sink.names, std::vector<std::string>{"nginx"});
  EXPECT_EQ(sink.exited, 1);
  EXPECT_EQ(counts.selected.value(), counts.ended.value());
}

TEST_F(DiscoveryTest, ABindMountedExecutableKeepsItsPath) {
  proc.add(7, "/app/shop", 500, "");
  auto discovery = make({"/app/", ""});
  discovery.on_started({kKey, "file-in-a-volume", false});
  discovery.finish_batch();
  EXPECT_EQ(sink.names, std::vector<std::string>{"shop"});
  EXPECT_EQ(map.selected, std::vector<std::uint32_t>{7});
}

TEST_F(DiscoveryTest, AProcessThatHasEndedKeepsTheKernelsName) {
  make({}).on_started({kKey, "shortlived", false});
  EXPECT_EQ(sink.names, std::vector<std::string>{"shortlived"});
}

TEST_F(DiscoveryTest, MarksOlderSocketsOncePerBatch) {
  proc.add(7, "/usr/bin/a", 500, "");
  auto discovery = make({});
  discovery.on_started({kKey, "a", true});
  discovery.finish_batch();
  discovery.finish_batch();
  EXPECT_EQ(map.marks, 1);
}

// Of the process that runs the tests; asked by another user, who has no CAP_SYS_PTRACE.
TEST(ProcessInspector, WhatMayNotBeReadIsToldFromWhatIsGone) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: there is no other user to be";
  const auto self = static_cast<std::uint32_t>(::getpid());
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kNobody = 65534;
    if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(9);
    const auto denied = inspect::ProcessInspector().inspect({self, 1, 0});
    const auto gone = inspect::ProcessInspector().inspect({0x7fffffff, 1, 0});
    const bool are_right = !denied && denied.error() == inspect::NoFacts::not_permitted && !gone &&
                           gone.error() == inspect::NoFacts::gone;
    ::_exit(are_right ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(EnvironmentValue, NeedsTheWholeName) {
  EXPECT_EQ(inspect::environment_value(std::string_view("XOTEL=1\0OTEL=2", 14), "OTEL"), "2");
  EXPECT_EQ(inspect::environment_value("OTELX=1", "OTEL"), "");
}

}  // namespace
}  // namespace beyla::discover
