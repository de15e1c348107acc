// Who ends with whom: the spawner and every child with the broker, the children with the spawner.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/wait.h>

#include <csignal>

#include "agent/spawn/process_setup.h"
#include "agent/spawn/spawn_test_support.h"

namespace beyla::agent::spawn::testing {
namespace {

constexpr std::chrono::seconds kGoneWithin{1};

int ignore_the_end(base::Fd channel, std::vector<base::Fd>) {
  send_text(channel.get(), "up");
  while (true) ::pause();
}

const RoleEntry kRoles[] = {
    {ChildRole::config_worker, "beyla-conf", ignore_the_end, {}, nothing_to_secure},
    {ChildRole::processor, "beyla-proc", ignore_the_end, {}, nothing_to_secure}};

struct Family {
  pid_t broker = 0;
  pid_t spawner = 0;
  std::array<pid_t, 2> children{};
};

// A broker of its own with a spawner and two children; it waits to be killed.
[[noreturn]] void be_broker(int report, const SpawnHooks& hooks, void (*drop_powers)()) {
  ::setpgid(0, 0);
  ::signal(SIGINT, SIG_IGN);
  auto spawner = Spawner::start(kRoles, hooks);
  if (!spawner) ::_exit(1);
  auto first = spawner->spawn(ChildRole::config_worker, {});
  auto second = spawner->spawn(ChildRole::processor, {});
  if (!first || receive_text(first->channel.get()) != "up") ::_exit(1);
  if (!second || receive_text(second->channel.get()) != "up") ::_exit(1);
  drop_powers();
  const Family family{::getpid(), spawner->pid(), {first->pid, second->pid}};
  if (::write(report, &family, sizeof(family)) != sizeof(family)) ::_exit(1);
  while (true) ::pause();
}

Family start_family(const SpawnHooks& hooks = kOpenHooks, void (*drop_powers)() = [] {}) {
  int ends[2] = {-1, -1};
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd read_end(ends[0]);
  base::Fd write_end(ends[1]);
  const pid_t test = ::getpid();
  const pid_t broker = ::fork();
  if (broker == 0) {
    if (!die_with(test)) ::_exit(1);
    be_broker(write_end.get(), hooks, drop_powers);
  }
  write_end.reset();
  Family family;
  EXPECT_EQ(::read(read_end.get(), &family, sizeof(family)), static_cast<ssize_t>(sizeof(family)));
  return family;
}

void expect_all_gone_when_the_broker_is_killed(const Family& family) {
  const base::Fd spawner = watch(family.spawner);
  const base::Fd first = watch(family.children[0]);
  const base::Fd second = watch(family.children[1]);
  ASSERT_TRUE(spawner.valid() && first.valid() && second.valid());
  const auto until = std::chrono::steady_clock::now() + kGoneWithin;
  ::kill(family.broker, SIGKILL);
  EXPECT_EQ(base::wait_readable(spawner.get(), until), 0);
  EXPECT_EQ(base::wait_readable(first.get(), until), 0);
  EXPECT_EQ(base::wait_readable(second.get(), until), 0);
  EXPECT_EQ(::waitpid(family.broker, nullptr, 0), family.broker);
}

TEST(Lifetime, AKilledBrokerTakesAllWithIt) {
  expect_all_gone_when_the_broker_is_killed(start_family());
}

base::Result<void> become_nobody() {
  constexpr uid_t kNobody = 65534;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
      ::setresuid(kNobody, kNobody, kNobody) != 0) {
    return base::fail_errno(errno, "cannot become nobody");
  }
  return {};
}

void drop_all_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  ::syscall(SYS_capset, &header, none);
}

// A root without CAP_KILL may not signal nobody, not even by dying: the end of the socket must do.
TEST(Lifetime, AKilledBrokerThatMayNotSignalItsSpawnerTakesAllWithItToo) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: cannot become nobody";
  expect_all_gone_when_the_broker_is_killed(start_family({become_nobody}, drop_all_capabilities));
}

TEST(Lifetime, ControlCReachesNobody) {
  const Family family = start_family();
  for (const int signal : {SIGINT, SIGHUP, SIGTERM}) {
    ::kill(family.spawner, signal);
    ::kill(family.children[0], signal);
    ::kill(family.children[1], signal);
  }
  ::kill(-family.broker, SIGINT);
  // Sending drops an ignored signal; any other stays pending until it has ended its process.
  for (const pid_t pid : {family.spawner, family.children[0], family.children[1]}) {
    EXPECT_EQ(status_field(std::to_string(pid), "ShdPnd"), "0000000000000000");
    EXPECT_NE(status_field(std::to_string(pid), "State").substr(0, 1), "Z");
  }
  expect_all_gone_when_the_broker_is_killed(family);
}

TEST(Lifetime, AKilledSpawnerTakesItsChildrenAndIsReported) {
  auto spawner = Spawner::start(kRoles, kOpenHooks).value();
  const auto child = spawner.spawn(ChildRole::processor, {}).value();
  const base::Fd watched = watch(child.pid);
  EXPECT_EQ(receive_text(child.channel.get()), "up");
  const auto until = std::chrono::steady_clock::now() + kGoneWithin;
  ::kill(spawner.pid(), SIGKILL);
  EXPECT_EQ(base::wait_readable(watched.get(), until), 0);
  EXPECT_EQ(receive_text(child.channel.get()), "");
  ASSERT_TRUE(readable_in_time(spawner.fd()));
  const auto exit = spawner.read_exit();
  ASSERT_FALSE(exit);
  EXPECT_EQ(exit.error().os_errno, EPIPE);
  const auto next = spawner.spawn(ChildRole::processor, {});
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().os_errno, EPIPE);
  spawner.kill(child.id);
}

TEST(Lifetime, ClosingTheHandleEndsAllAndLeavesNoZombie) {
  base::Fd watched;
  {
    auto spawner = Spawner::start(kRoles, kOpenHooks).value();
    const auto child = spawner.spawn(ChildRole::processor, {}).value();
    watched = watch(child.pid);
  }
  EXPECT_TRUE(readable_in_time(watched.get()));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(Lifetime, AChildKilledByOthersIsReported) {
  auto spawner = Spawner::start(kRoles, kOpenHooks).value();
  const auto child = spawner.spawn(ChildRole::processor, {}).value();
  ::kill(child.pid, SIGKILL);
  const auto exit = wait_exit(spawner).value();
  EXPECT_EQ(exit.id, child.id);
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST(Lifetime, ASpawnerThatDoesNotAnswerIsAnErrorAndItsLateChildIsKilled) {
  auto spawner = Spawner::start(kRoles, kOpenHooks).value();
  ::kill(spawner.pid(), SIGSTOP);
  const auto child = spawner.spawn(ChildRole::processor, {});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().os_errno, ETIMEDOUT);
  ::kill(spawner.pid(), SIGCONT);
  const auto late = wait_exit(spawner).value();
  EXPECT_EQ(late.signal, SIGKILL);
  // The answer that came too late is not taken for the next child's.
  const auto next = spawner.spawn(ChildRole::processor, {}).value();
  spawner.kill(next.id);
  const auto exit = wait_exit(spawner).value();
  EXPECT_EQ(exit.id, next.id);
  EXPECT_EQ(exit.pid, next.pid);
}

}  // namespace
}  // namespace beyla::agent::spawn::testing
