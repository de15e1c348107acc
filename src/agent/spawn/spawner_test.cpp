#include "agent/spawn/spawner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "abi/spawn.h"
#include "agent/spawn/child_table.h"
#include "agent/spawn/spawn_test_support.h"

namespace beyla::agent::spawn::testing {
namespace {

base::Fd file_with(const std::string& text) {
  base::Fd file(::memfd_create("file", MFD_CLOEXEC));
  EXPECT_EQ(::pwrite(file.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return file;
}

int tell_files(base::Fd channel, std::vector<base::Fd> files) {
  for (const base::Fd& file : files) {
    std::array<char, 64> text{};
    const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
    send_text(channel.get(), std::string(text.data(), static_cast<std::size_t>(got)));
  }
  return static_cast<int>(files.size());
}

// Every descriptor that is neither the channel, nor a file, nor the listing's own.
int tell_descriptors(base::Fd channel, std::vector<base::Fd> files) {
  std::string others;
  std::size_t known = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    const bool given =
        fd == channel.get() || std::ranges::find(files, fd, &base::Fd::get) != files.end();
    std::error_code ended;
    const std::string target = std::filesystem::read_symlink(entry.path(), ended);
    if (given) ++known;
    if (fd == STDIN_FILENO) others += "stdin " + target;
    if (!given && fd > STDERR_FILENO && target.find("/fd") == std::string::npos) {
      others += " " + target;
    }
  }
  send_text(channel.get(), others + ", given " + std::to_string(known));
  return 0;
}

int tell_status(base::Fd channel, std::vector<base::Fd>) {
  for (const char* const field : {"Name", "SigIgn", "SigBlk", "SigCgt"}) {
    send_text(channel.get(), status_field("self", field));
  }
  return 0;
}

int die_by_signal(base::Fd, std::vector<base::Fd>) { return ::raise(SIGUSR2); }

int print_and_return(base::Fd, std::vector<base::Fd> files) {
  ::dup2(files.at(0).get(), STDOUT_FILENO);
  std::printf("a line without its end");
  return 3;
}

int leave_by_exception(base::Fd, std::vector<base::Fd>) { throw std::runtime_error("not caught"); }

base::Result<void> cannot_be_secured() { return base::fail_errno(ENOSYS, "no filter here"); }

// One role under test; the other obeys.
Spawner start(ChildMain main, base::Result<void> (*secure)() = nothing_to_secure) {
  const RoleEntry roles[] = {{ChildRole::config_worker, "beyla-conf", main, {}, secure},
                             {ChildRole::processor, "beyla-proc", obey, {}, nothing_to_secure}};
  auto spawner = Spawner::start(roles, kOpenHooks);
  EXPECT_TRUE(spawner) << spawner.error().message();
  return std::move(*spawner);
}

Spawner::Child spawn(Spawner& spawner, ChildRole role, std::span<const int> files = {}) {
  auto child = spawner.spawn(role, files);
  EXPECT_TRUE(child) << child.error().message();
  return child ? std::move(*child) : Spawner::Child{};
}

TEST(Spawner, AChildGetsItsFilesInTheOrderSent) {
  constexpr int kFiles = beyla::abi::kMaxSpawnFiles;
  auto spawner = start(tell_files);
  std::vector<base::Fd> files;
  std::vector<int> numbers;
  for (int i = 0; i < kFiles; ++i) files.push_back(file_with("file " + std::to_string(i)));
  for (const base::Fd& file : files) numbers.push_back(file.get());
  std::ranges::reverse(numbers);
  const auto child = spawn(spawner, ChildRole::config_worker, numbers);
  for (int i = kFiles - 1; i >= 0; --i) {
    EXPECT_EQ(receive_text(child.channel.get()), "file " + std::to_string(i));
  }
  EXPECT_EQ(wait_exit(spawner).value().exit_code, kFiles);
  numbers.push_back(numbers[0]);
  EXPECT_FALSE(spawner.spawn(ChildRole::config_worker, numbers));
}

TEST(Spawner, AChildHasNoOtherDescriptors) {
  const base::Fd inherited(::open("/etc/passwd", O_RDONLY));  // not close-on-exec
  const base::Fd old_stdin(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  ASSERT_EQ(::dup2(inherited.get(), STDIN_FILENO), STDIN_FILENO);
  auto spawner = start(tell_descriptors);
  ASSERT_EQ(::dup2(old_stdin.get(), STDIN_FILENO), STDIN_FILENO);
  const base::Fd later(::open("/etc/passwd", O_RDONLY));
  const auto running = spawn(spawner, ChildRole::processor);
  const base::Fd file = file_with("x");
  const auto child = spawn(spawner, ChildRole::config_worker, std::array{file.get(), later.get()});
  EXPECT_EQ(receive_text(child.channel.get()), "stdin /dev/null, given 3");
  // stdio, control, exits, signals
  EXPECT_EQ(count_fds(spawner.pid()), 6U);
}

TEST(Spawner, AChildHasItsNameAndOnlyTheStopSignalsIgnored) {
  struct sigaction ours{};
  ours.sa_handler = [](int) {};
  struct sigaction before{};
  ::sigaction(SIGUSR1, &ours, &before);
  auto spawner = start(tell_status);
  ::sigaction(SIGUSR1, &before, nullptr);
  const auto child = spawn(spawner, ChildRole::config_worker);
  EXPECT_EQ(receive_text(child.channel.get()), "beyla-conf");
  const auto ignored = std::stoull(receive_text(child.channel.get()), nullptr, 16);
  // 32 and 33 are glibc's own (signal(7)): whoever started us may ignore them, and nobody can
  // change it.
  constexpr std::uint64_t kGlibcsOwn = 0x1'8000'0000;
  EXPECT_EQ(ignored & ~kGlibcsOwn, 0x4003U);  // SIGHUP, SIGINT, SIGTERM
  EXPECT_EQ(receive_text(child.channel.get()), "0000000000000000");
#ifndef __SANITIZE_THREAD__
  EXPECT_EQ(receive_text(child.channel.get()), "0000000000000000");
#endif
  EXPECT_EQ(status_field(std::to_string(spawner.pid()), "Name"), "beyla-spawn");
}

TEST(Spawner, ExitCodesAndSignalsAreReportedWithTheTimeUsed) {
  auto spawner = start(die_by_signal);
  const auto obedient = spawn(spawner, ChildRole::processor);
  EXPECT_FALSE(spawner.read_exit().value().has_value());
  send_text(obedient.channel.get(), "42");
  const auto by_code = wait_exit(spawner).value();
  EXPECT_EQ(by_code.id, obedient.id);
  EXPECT_EQ(by_code.pid, obedient.pid);
  EXPECT_EQ(by_code.exit_code, 42);
  EXPECT_EQ(by_code.signal, 0);
  EXPECT_GT(by_code.cpu_time.count(), 0);
  EXPECT_LT(by_code.cpu_time, kPatience);
  const auto shot = spawn(spawner, ChildRole::config_worker);
  const auto by_signal = wait_exit(spawner).value();
  EXPECT_EQ(by_signal.id, shot.id);
  EXPECT_EQ(by_signal.signal, SIGUSR2);
  EXPECT_EQ(by_signal.exit_code, 0);
}

TEST(Spawner, ItsOutputIsFlushedAndThatOfTheParentIsNotRepeated) {
  std::printf("waits in the parent's buffer");
  auto spawner = start(print_and_return);
  const base::Fd output = file_with("");
  const auto child = spawn(spawner, ChildRole::config_worker, std::array{output.get()});
  EXPECT_EQ(wait_exit(spawner).value().exit_code, 3);
  std::array<char, 64> text{};
  EXPECT_EQ(::pread(output.get(), text.data(), text.size(), 0), 22);
  EXPECT_STREQ(text.data(), "a line without its end");
}

TEST(Spawner, AnExceptionEndsTheChildAlone) {
  auto spawner = start(leave_by_exception);
  const auto child = spawn(spawner, ChildRole::config_worker);
  EXPECT_EQ(wait_exit(spawner).value().signal, SIGABRT);
  spawn(spawner, ChildRole::processor);
}

TEST(Spawner, AChildThatCannotBeSecuredNeverRuns) {
  auto spawner = start(tell_files, cannot_be_secured);
  const auto child = spawn(spawner, ChildRole::config_worker);
  EXPECT_EQ(wait_exit(spawner).value().exit_code, kExitUnprepared);
}

TEST(Spawner, ASpawnerThatCannotBeSecuredSaysWhy) {
  const RoleEntry roles[] = {{ChildRole::processor, "beyla-proc", obey, {}, nothing_to_secure}};
  const auto spawner = Spawner::start(roles, {cannot_be_secured});
  ASSERT_FALSE(spawner);
  EXPECT_EQ(spawner.error().message(),
            "the spawner cannot be secured: no filter here: Function not implemented");
}

TEST(Spawner, ARoleThatSaysNotHowItIsSecuredIsRefused) {
  const RoleEntry roles[] = {{ChildRole::processor, "beyla-proc", obey, {}, nullptr}};
  EXPECT_FALSE(Spawner::start(roles, kOpenHooks));
  const RoleEntry long_name[] = {
      {ChildRole::processor, "beyla-processors", obey, {}, nothing_to_secure}};
  EXPECT_FALSE(Spawner::start(long_name, kOpenHooks));
  EXPECT_FALSE(Spawner::start({}, {}));
}

TEST(Spawner, KillEndsItsChildAndNobodyElse) {
  auto spawner = start(obey);
  const auto first = spawn(spawner, ChildRole::processor);
  const auto second = spawn(spawner, ChildRole::processor);
  spawner.kill(second.id + 1000);
  spawner.kill(first.id);
  const auto exit = wait_exit(spawner).value();
  EXPECT_EQ(exit.id, first.id);
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(receive_text(first.channel.get()), "");
  spawner.kill(first.id);
  send_text(second.channel.get(), "5");
  EXPECT_EQ(wait_exit(spawner).value().exit_code, 5);
  EXPECT_EQ(spawner.refused(), 0U);
}

TEST(Spawner, FiveHundredChildrenLeaveNothingBehind) {
  auto spawner = start(obey);
  const base::Fd file = file_with("x");
  const std::size_t ours = count_fds(::getpid());
  const std::size_t its = count_fds(spawner.pid());
  for (int i = 0; i < 500; ++i) {
    const auto child = spawn(spawner, ChildRole::processor, std::array{file.get()});
    if (i % 2 == 0) spawner.kill(child.id);
    if (i % 2 == 1) send_text(child.channel.get(), "1");
    ASSERT_EQ(wait_exit(spawner).value().id, child.id);
  }
  EXPECT_EQ(count_fds(::getpid()), ours);
  EXPECT_EQ(count_fds(spawner.pid()), its);
  EXPECT_EQ(children_of(spawner.pid()), "");
}

TEST(Spawner, ChildrenAreBounded) {
  auto spawner = start(obey);
  std::vector<Spawner::Child> children;
  for (std::size_t i = 0; i < kMaxChildren; ++i) {
    children.push_back(spawn(spawner, ChildRole::processor));
  }
  const auto refused = spawner.spawn(ChildRole::processor, {});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), ::testing::HasSubstr("too many children"));
  EXPECT_EQ(spawner.refused(), 1U);
  for (const auto& child : children) spawner.kill(child.id);
  for (std::size_t i = 0; i < kMaxChildren; ++i)
    EXPECT_EQ(wait_exit(spawner).value().signal, SIGKILL);
  spawn(spawner, ChildRole::processor);
}

TEST(Spawner, ReportsThatNobodyReadsAreBoundedAndNoneIsLost) {
  auto spawner = start(obey);
  std::uint64_t started = 0;
  while (started < 5000) {
    const auto child = spawner.spawn(ChildRole::processor, {});
    if (!child) break;
    ++started;
    const base::Fd watched = watch(child->pid);
    send_text(child->channel.get(), "0");
    // Else sixty-four that still live would be the bound, not the reports.
    ASSERT_TRUE(readable_in_time(watched.get()));
  }
  EXPECT_LT(started, 5000U);
  EXPECT_GT(started, 2 * kMaxChildren);
  for (std::uint64_t i = 0; i < started; ++i) ASSERT_TRUE(wait_exit(spawner)) << i;
  EXPECT_FALSE(spawner.read_exit().value().has_value());
  spawn(spawner, ChildRole::processor);
}

base::Result<void> forbid_forks() {
  if (::geteuid() == 0) {
    constexpr uid_t kNobody = 65534;
    if (::setresgid(kNobody, kNobody, kNobody) != 0 ||
        ::setresuid(kNobody, kNobody, kNobody) != 0) {
      return base::fail_errno(errno, "cannot become nobody");
    }
  }
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_NPROC, &none) != 0) return base::fail_errno(errno, "cannot limit");
  return {};
}

TEST(Spawner, AForkThatFailsIsAnAnswer) {
  const RoleEntry roles[] = {{ChildRole::processor, "beyla-proc", obey, {}, nothing_to_secure}};
  auto spawner = Spawner::start(roles, {forbid_forks}).value();
  for (int i = 0; i < 3; ++i) {
    const auto child = spawner.spawn(ChildRole::processor, {});
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().os_errno, EAGAIN) << child.error().message();
    EXPECT_THAT(child.error().message(), ::testing::HasSubstr("ulimit -u"));
  }
  EXPECT_EQ(spawner.refused(), 3U);
}

base::Result<void> leave_few_descriptors() {
  const rlimit few{8, 8};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return base::fail_errno(errno, "cannot limit");
  return {};
}

TEST(Spawner, FilesThatDoNotFitAreRefusedAndClosed) {
  const RoleEntry roles[] = {{ChildRole::processor, "beyla-proc", obey, {}, nothing_to_secure}};
  auto spawner = Spawner::start(roles, {leave_few_descriptors}).value();
  const base::Fd file = file_with("x");
  const std::vector<int> files(8, file.get());
  const auto child = spawner.spawn(ChildRole::processor, files);
  ASSERT_FALSE(child);
  EXPECT_THAT(child.error().message(), ::testing::HasSubstr("did not arrive whole"));
  EXPECT_EQ(count_fds(spawner.pid()), 6U);
  spawn(spawner, ChildRole::processor, std::array{file.get()});
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(Spawner, ItIsSmall) {
  auto spawner = start(obey);
  for (int i = 0; i < 10; ++i) {
    const auto child = spawn(spawner, ChildRole::processor);
    send_text(child.channel.get(), "0");
    ASSERT_TRUE(wait_exit(spawner));
  }
  std::ifstream rollup("/proc/" + std::to_string(spawner.pid()) + "/smaps_rollup");
  long private_kb = 0;
  for (std::string line; std::getline(rollup, line);) {
    if (line.starts_with("Private_")) private_kb += std::stol(line.substr(line.find(':') + 1));
  }
  EXPECT_GT(private_kb, 0);
  EXPECT_LE(private_kb, 1536);
}
#endif

}  // namespace
}  // namespace beyla::agent::spawn::testing
