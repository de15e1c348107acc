#include "discover/scan/process_scan.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "discover/scan/listen_table.h"

namespace beyla::discover::scan {
namespace {

constexpr std::string_view kHeading =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n";

std::string row(std::string_view local, std::string_view state, std::string_view inode) {
  return "   0: " + std::string(local) + " 00000000:0000 " + std::string(state) +
         " 00000000:00000000 00:00000000 00000000     0        0 " + std::string(inode) +
         " 2 00000000db17ee32 100 0 0 10 0\n";
}

TEST(ListenTable, KeepsListenersOfBothFamiliesOnly) {
  PortByInode listeners;
  add_listeners(std::string(kHeading) + row("0100007F:1F90", "0A", "11") +
                    row("0100007F:1F90", "01", "12") +
                    row("00000000000000000000000000000000:01BB", "0A", "13"),
                listeners);
  EXPECT_EQ(listeners, (PortByInode{{11, 8080}, {13, 443}}));
}

TEST(ListenTable, SkipsLinesThatAreNotRows) {
  PortByInode listeners;
  for (const char* text : {"", "\n\n", "0A 0A 0A", "   0: 0100007F:1F90 00000000:0000 0A 0:0"}) {
    add_listeners(text, listeners);
  }
  for (const char* local : {"0100007F", "0100007F:", "0100007F:XY", "0100007F:1F90F"}) {
    add_listeners(row(local, "0A", "11"), listeners);
  }
  add_listeners(row("0100007F:1F90", "0A", "eleven"), listeners);
  EXPECT_TRUE(listeners.empty());
}

class ProcessScanTest : public testing::Test {
 protected:
  ProcessScanTest()
      : root_(std::filesystem::temp_directory_path() / ("scan" + std::to_string(getpid()))) {
    std::filesystem::create_directories(root_);
    std::filesystem::create_symlink("100", root_ / "self");
    add(100, "/usr/bin/beyla", "4026531840");
  }
  ~ProcessScanTest() override { std::filesystem::remove_all(root_); }

  std::filesystem::path folder(int pid) { return root_ / std::to_string(pid); }
  void add(int pid, const std::string& executable, const std::string& netns, int flags = 0) {
    std::filesystem::create_directories(folder(pid) / "fd");
    std::filesystem::create_directories(folder(pid) / "net");
    std::filesystem::create_directories(folder(pid) / "ns");
    if (!executable.empty()) std::filesystem::create_symlink(executable, folder(pid) / "exe");
    std::filesystem::create_symlink("net:[" + netns + "]", folder(pid) / "ns" / "net");
    std::ofstream stat(folder(pid) / "stat");
    stat << pid << " (na me) S";
    for (int field = 4; field < 22; ++field) stat << " " << (field == 9 ? flags : 0);
    stat << " 500 0";
  }
  void add_socket(int pid, int fd, int inode) {
    std::filesystem::create_symlink("socket:[" + std::to_string(inode) + "]",
                                    folder(pid) / "fd" / std::to_string(fd));
  }
  void write_table(int pid, const std::string& rows) {
    std::ofstream(folder(pid) / "net" / "tcp") << kHeading << rows;
  }
  ProcessScan scan() { return scan_processes(root_.string()); }

  std::filesystem::path root_;
};

TEST_F(ProcessScanTest, FindsWhoListensInEachNamespace) {
  write_table(100, row("0100007F:1F90", "0A", "11"));
  add(200, "/srv/shop", "4026531840");
  add_socket(200, 5, 11);
  add(300, "/srv/depot (deleted)", "4026532000");
  write_table(300, row("00000000:0050", "0A", "21"));
  add_socket(300, 3, 21);
  add_socket(300, 4, 22);
  const auto result = scan();
  ASSERT_EQ(result.processes.size(), 3U);
  EXPECT_EQ(result.own_netns_inode, 4026531840U);
  EXPECT_EQ(result.processes[1].executable, "/srv/shop");
  EXPECT_EQ(result.processes[1].name, "na me");
  EXPECT_EQ(result.processes[1].listeners, (std::vector<Listener>{{8080, 5, 4026531840}}));
  EXPECT_EQ(result.processes[2].executable, "/srv/depot");
  EXPECT_EQ(result.processes[2].listeners, (std::vector<Listener>{{80, 3, 4026532000}}));
  EXPECT_TRUE(result.unowned.empty());
}

TEST_F(ProcessScanTest, AListenerThatNobodyShowsIsUnowned) {
  write_table(100, row("0100007F:1F90", "0A", "11"));
  EXPECT_EQ(scan().unowned, (std::vector<UnownedListener>{{4026531840, 8080}}));
}

TEST_F(ProcessScanTest, KernelThreadsAreLeftOut) {
  constexpr int kPfKthread = 0x00200000;
  add(2, "", "4026531840");
  add(3, "/as/if/it/had/one", "4026531840", kPfKthread);
  EXPECT_EQ(scan().processes.size(), 1U);
}

TEST_F(ProcessScanTest, UnreadableDescriptorsAreSaid) {
  add(200, "/srv/shop", "4026531840");
  std::filesystem::remove(folder(200) / "fd");
  std::ofstream(folder(200) / "fd") << "";  // stands for what root cannot be refused
  const auto result = scan();
  ASSERT_EQ(result.processes.size(), 2U);
  EXPECT_EQ(result.processes[1].sockets_errno, ENOTDIR);
}

}  // namespace
}  // namespace beyla::discover::scan
