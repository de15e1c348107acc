#include "agent/doctor/selection.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace beyla::agent::doctor {
namespace {

using discover::scan::ProcessScan;
using discover::scan::ScannedProcess;

constexpr std::uint32_t kOwnPid = 1000;
constexpr std::uint64_t kOwnNetns = 4026531840;

ScannedProcess process(std::uint32_t pid, std::string executable,
                       std::vector<discover::scan::Listener> listeners = {}) {
  ScannedProcess result;
  result.key.pid = pid;
  result.name = "comm";
  result.executable = std::move(executable);
  result.listeners = std::move(listeners);
  return result;
}

ProcessScan scan_of(std::vector<ScannedProcess> processes) {
  ProcessScan scan;
  scan.processes = std::move(processes);
  scan.own_netns_inode = kOwnNetns;
  return scan;
}

config::Settings settings(const char* ports, std::string name = {}) {
  config::Settings result;
  if (ports != nullptr) result.open_port = *config::PortSet::parse(ports);
  result.executable_name = std::move(name);
  return result;
}

TEST(Selection, ByPortSaysWhichSocket) {
  const auto scan = scan_of({process(1, "/srv/shop", {{80, 3, kOwnNetns}, {8080, 5, kOwnNetns}}),
                             process(2, "/srv/depot", {{8080, 4, 4026532000}}),
                             process(3, "/srv/else", {{9090, 4, kOwnNetns}})});
  const auto selection = select_processes(settings("8080"), scan, kOwnPid);
  EXPECT_EQ(
      selection.selected,
      (std::vector<Candidate>{
          {1, "/srv/shop", "shop", "listens on port 8080 (fd 5, network namespace of the agent)"},
          {2, "/srv/depot", "depot",
           "listens on port 8080 (fd 4, network namespace 4026532000)"}}));
  EXPECT_TRUE(selection.nearly.empty());
  EXPECT_TRUE(selection.unseen.empty());
}

TEST(Selection, ByNameNeedsNoPort) {
  const auto scan = scan_of({process(1, "/srv/shop"), process(2, "/srv/depot")});
  const auto selection = select_processes(settings(nullptr, "shop"), scan, kOwnPid);
  EXPECT_EQ(selection.selected,
            (std::vector<Candidate>{{1, "/srv/shop", "shop", "path matches `shop`"}}));
}

TEST(Selection, BothSelectorsMustMatchAndTheRestIsExplained) {
  const auto scan = scan_of({process(1, "/srv/shop", {{80, 3, kOwnNetns}}),
                             process(2, "/srv/depot", {{80, 3, kOwnNetns}}),
                             process(3, "/srv/shop", {{81, 3, kOwnNetns}, {82, 4, kOwnNetns}}),
                             process(4, "/srv/shop"), process(5, "/srv/none")});
  const auto selection = select_processes(settings("80", "shop"), scan, kOwnPid);
  ASSERT_EQ(selection.selected.size(), 1U);
  EXPECT_EQ(selection.selected[0].reason,
            "listens on port 80 (fd 3, network namespace of the agent), path matches `shop`");
  ASSERT_EQ(selection.nearly.size(), 3U);
  EXPECT_EQ(selection.nearly[0].reason,
            "listens on port 80 (fd 3, network namespace of the agent), its path does not contain "
            "`shop`");
  EXPECT_EQ(selection.nearly[1].reason, "it listens on 81, 82 only, path matches `shop`");
  EXPECT_EQ(selection.nearly[2].reason, "it listens on no TCP port, path matches `shop`");
}

TEST(Selection, WhatIsHiddenIsSaidAndNotGuessed) {
  auto no_path = process(1, "", {{80, 3, kOwnNetns}});
  no_path.executable_errno = EACCES;
  auto no_ports = process(2, "/srv/shop");
  no_ports.sockets_errno = EACCES;
  auto scan = scan_of({no_path, no_ports});
  scan.unowned = {{kOwnNetns, 80}, {kOwnNetns, 99}};
  const auto selection = select_processes(settings("80", "shop"), scan, kOwnPid);
  EXPECT_TRUE(selection.selected.empty());
  ASSERT_EQ(selection.nearly.size(), 2U);
  EXPECT_EQ(selection.nearly[0].executable, "(comm)");
  EXPECT_EQ(selection.nearly[0].reason,
            "listens on port 80 (fd 3, network namespace of the agent), its executable cannot be "
            "told: /proc/1/exe: Permission denied");
  EXPECT_EQ(selection.nearly[1].reason,
            "its ports cannot be told: /proc/2/fd: Permission denied, path matches `shop`");
  EXPECT_EQ(selection.unseen,
            (std::vector<std::string>{
                "1 processes hide their ports (/proc/PID/fd)",
                "1 processes hide their executable (/proc/PID/exe)",
                "port 80 (network namespace of the agent) is listened on by a process that cannot "
                "be told"}));
}

TEST(Selection, ByPortAHiddenExecutableTakesTheKernelsName) {
  const auto scan = scan_of({process(1, "", {{80, 3, kOwnNetns}})});
  const auto selection = select_processes(settings("80"), scan, kOwnPid);
  ASSERT_EQ(selection.selected.size(), 1U);
  EXPECT_EQ(selection.selected[0].service, "comm");
}

TEST(Selection, ServicesAreNamedAsTheAgentDoes) {
  auto own_name = process(2, "/srv/depot", {{80, 3, kOwnNetns}});
  own_name.own_service_name = "front";
  const auto scan = scan_of({process(1, "/srv/shop", {{80, 3, kOwnNetns}}), own_name,
                             process(3, "/srv/else", {{80, 3, kOwnNetns}})});
  auto wanted = settings("80");
  wanted.service_name = "chosen";
  const auto selection = select_processes(wanted, scan, kOwnPid);
  ASSERT_EQ(selection.selected.size(), 3U);
  EXPECT_EQ(selection.selected[0].service, "chosen");
  EXPECT_EQ(selection.selected[1].service, "front");
  EXPECT_EQ(selection.selected[2].service, "else");
}

TEST(Selection, NeverSelectsItself) {
  const auto scan = scan_of({process(kOwnPid, "/bin/beyla", {{80, 3, kOwnNetns}})});
  EXPECT_TRUE(select_processes(settings("80", "beyla"), scan, kOwnPid).selected.empty());
  EXPECT_TRUE(list_listeners(scan, kOwnPid).nearly.empty());
}

TEST(Selection, WithoutASelectorListsWhoListens) {
  auto scan = scan_of(
      {process(1, "/srv/shop", {{80, 3, kOwnNetns}, {80, 4, kOwnNetns}}), process(2, "/bin/idle")});
  scan.unowned = {{7, 22}};
  const auto selection = list_listeners(scan, kOwnPid);
  EXPECT_EQ(selection.nearly, (std::vector<Candidate>{{1, "/srv/shop", "", "listens on 80"}}));
  EXPECT_EQ(selection.unseen,
            (std::vector<std::string>{
                "port 22 (network namespace 7) is listened on by a process that cannot be told"}));
}

}  // namespace
}  // namespace beyla::agent::doctor
