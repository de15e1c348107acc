// Every attack of the list works where nothing confines it, and none where a role does.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agent/privileges/capabilities.h"
#include "agent/privileges/hardening.h"
#include "agent/privileges/identity.h"
#include "agent/privileges/landlock.h"
#include "agent/privileges/syscalls.h"
#include "agent/privileges/testing/attacks.h"
#include "agent/privileges/testing/child.h"

namespace beyla::agent::privileges {
namespace {

using testing::Attack;
using testing::AttackResult;
using testing::AttackTargets;
using testing::ChildOutcome;
using testing::LoopbackListener;
using testing::run_in_child;
using testing::Sleeper;
using testing::Teller;
using Names = std::set<std::string>;

constexpr std::string_view kNeedsRoot =
    "needs root: an attack proves nothing where the user may not do it anyway";

std::vector<Attack> all_attacks() {
  std::vector<Attack> all;
  for (const auto attacks : {testing::attacks_on_files(), testing::attacks_on_the_network(),
                             testing::attacks_on_processes(), testing::attacks_on_the_kernel()}) {
    all.insert(all.end(), attacks.begin(), attacks.end());
  }
  return all;
}

struct AttackedWorld {
  Sleeper parent;
  Sleeper victim;
  LoopbackListener listener;

  [[nodiscard]] AttackTargets targets() const {
    return {parent.pid(), victim.pid(), listener.port()};
  }
};

void attack_all(const Teller& teller, const AttackTargets& targets) {
  run_attacks(targets, [&](AttackResult result) {
    teller.say(
        fmt::format("{} {} {}", result.name, result.refused ? "refused" : "done", result.os_errno));
  });
}

// What was not refused, as "name"; the names of attacks that were never made as "name (not made)".
Names not_refused(const ChildOutcome& outcome) {
  Names names;
  Names seen;
  std::istringstream lines(outcome.text);
  std::string name;
  std::string verdict;
  for (int error = 0; lines >> name >> verdict >> error;) {
    seen.insert(name);
    if (verdict != "refused") names.insert(name);
  }
  for (const auto& attack : all_attacks()) {
    if (!seen.contains(std::string(attack.name))) {
      names.insert(fmt::format("{} (not made)", attack.name));
    }
  }
  return names;
}

// `confine` runs in the child before the attacks.
Names not_refused_after(const std::function<void(const Teller&)>& confine) {
  const AttackedWorld world;
  const auto outcome = run_in_child([&](const Teller& teller) {
    confine(teller);
    attack_all(teller, world.targets());
  });
  EXPECT_TRUE(outcome.ended_well()) << outcome.wait_status << " " << outcome.text;
  return not_refused(outcome);
}

void confine_as(const Teller& teller, Role role, const SyscallOptions& options = {}) {
  require(teller, become_nobody({}));
  require(teller, harden_process());
  if (!restrict_with_landlock({}).in_effect()) teller.say("no Landlock");
  require(teller, restrict_syscalls(role, options));
}

bool kernel_has_landlock() {
  return run_in_child([](const Teller& teller) {
           if (restrict_with_landlock({}).in_effect()) teller.say("yes");
         }).text == "yes\n";
}

TEST(Attacks, WorkAsRootWhereNothingConfines) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  for (const auto& attack : all_attacks()) {
    const AttackedWorld world;
    const auto outcome = run_in_child([&](const Teller& teller) {
      const int error = attack.run(world.targets());
      teller.say(error == ENOSYS ? "absent" : testing::is_refusal(error) ? "refused" : "done");
    });
    EXPECT_TRUE(outcome.ended_well()) << attack.name;
    if (outcome.text == "absent\n") {
      std::printf("not in this kernel: %s\n", attack.name.data());
      continue;
    }
    const bool ends_by_exec = attack.name == "execve" || attack.name == "execveat";
    EXPECT_EQ(outcome.text, ends_by_exec ? "" : "done\n") << attack.name;
  }
}

TEST(Attacks, AreAllRefusedToAProcessor) {
  const bool landlock = kernel_has_landlock();
  const auto left = not_refused_after([](const Teller& t) { confine_as(t, Role::processor); });
  EXPECT_EQ(left, landlock ? Names() : Names({"open_passwd", "list_root"}));
}

TEST(Attacks, AreAllRefusedToAProcessorThatPushesItsMetrics) {
  const bool landlock = kernel_has_landlock();
  const auto left = not_refused_after(
      [](const Teller& t) { confine_as(t, Role::processor, {.outgoing_connections = true}); });
  EXPECT_EQ(left, landlock ? Names() : Names({"open_passwd", "list_root", "tcp_connect"}));
}

TEST(Attacks, AreAllRefusedToAConfigWorker) {
  EXPECT_EQ(not_refused_after([](const Teller& t) { confine_as(t, Role::config_worker); }),
            Names());
}

TEST(Attacks, AreAllRefusedToAnElfWorker) {
  EXPECT_EQ(not_refused_after([](const Teller& t) { confine_as(t, Role::elf_worker); }), Names());
}

// Child of the spawner, as they are in earnest: two filters.
TEST(Attacks, AreAllRefusedToChildrenOfTheSpawner) {
  const bool landlock = kernel_has_landlock();
  for (const Role role : {Role::processor, Role::config_worker, Role::elf_worker}) {
    const auto left = not_refused_after([&](const Teller& teller) {
      require(teller, become_nobody({}));
      require(teller, harden_process());
      require(teller, restrict_syscalls(Role::spawner));
      const pid_t child = ::fork();
      if (child < 0) fail_child(teller, "the spawner cannot fork");
      if (child > 0) {
        int status = 0;
        ::waitpid(child, &status, 0);
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
      }
      ::alarm(20);  // not inherited
      confine_as(teller, role);
    });
    const bool files_are_open = role == Role::processor && !landlock;
    EXPECT_EQ(left, files_are_open ? Names({"open_passwd", "list_root"}) : Names());
  }
}

// The filter needs neither another uid nor Landlock.
TEST(Attacks, AreRefusedToRootByTheFilterAlone) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  EXPECT_EQ(not_refused_after([](const Teller& teller) {
              require(teller, restrict_syscalls(Role::processor, {.read_files = false}));
            }),
            Names());
  EXPECT_EQ(not_refused_after([](const Teller& teller) {
              require(teller, restrict_syscalls(Role::config_worker));
            }),
            Names());
  EXPECT_EQ(not_refused_after(
                [](const Teller& teller) { require(teller, restrict_syscalls(Role::elf_worker)); }),
            Names());
  // Root may read any file; nothing else.
  const Names reading = {"open_shadow", "open_passwd", "list_root",     "parent_environ",
                         "parent_mem",  "victim_mem",  "victim_environ"};
  EXPECT_EQ(not_refused_after(
                [](const Teller& teller) { require(teller, restrict_syscalls(Role::processor)); }),
            reading);
}

TEST(Attacks, LeaveABrokerReadingOnly) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  const auto left = not_refused_after([](const Teller& teller) {
    require(teller, become_nobody(kBrokerCapabilities));
    require(teller, harden_process());
    require(teller, restrict_syscalls(Role::broker));
  });
  // CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE are kept for this: reading /proc of others.
  EXPECT_EQ(left, Names({"open_shadow", "open_passwd", "list_root", "parent_environ", "parent_mem",
                         "victim_mem", "victim_environ", "unix_connect", "unix_datagram"}));
}

TEST(Attacks, LeaveASpawnerForkingAndWhatItsChildrenNeed) {
  if (::geteuid() != 0) GTEST_SKIP() << kNeedsRoot;
  const auto left = not_refused_after([](const Teller& teller) {
    require(teller, become_nobody({}));
    require(teller, harden_process());
    require(teller, restrict_syscalls(Role::spawner));
  });
  EXPECT_EQ(left, Names({"clone", "open_passwd", "list_root", "tcp_connect"}));
}

}  // namespace
}  // namespace beyla::agent::privileges
