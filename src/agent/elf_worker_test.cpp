#include "agent/elf_worker/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "abi/go_report.h"
#include "agent/privileges/hardening.h"
#include "agent/roles.h"
#include "agent/spawn/spawner.h"
#include "probes/proof/report_message.h"

namespace beyla::agent {
namespace {

using elf_worker::elf_worker_main;
using probes::proof::BinaryReport;
using probes::proof::decode_report;

// Waits for a message, or for the end of who would send it.
std::optional<BinaryReport> receive_report(const base::Fd& channel) {
  std::vector<std::byte> message(sizeof(abi::binary_report) + 1);
  const ssize_t got = ::recv(channel.get(), message.data(), message.size(), 0);
  if (got <= 0) return std::nullopt;
  return decode_report(std::span(message).first(static_cast<std::size_t>(got)));
}

class ElfWorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    broker_ = base::Fd(ends[0]);
    worker_ = base::Fd(ends[1]);
  }

  std::optional<BinaryReport> answer() { return receive_report(broker_); }

  std::string said_of(base::Fd file) {
    std::vector<base::Fd> files;
    files.push_back(std::move(file));
    EXPECT_EQ(elf_worker_main(std::move(worker_), std::move(files)), 0);
    const auto report = answer();
    return report ? report->text : "no report";
  }

  base::Fd broker_;
  base::Fd worker_;
};

base::Fd file_with(std::string_view text) {
  base::Fd file(::memfd_create("executable", MFD_CLOEXEC));
  EXPECT_EQ(::write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return file;
}

TEST_F(ElfWorkerTest, SaysWhyAFileIsNotProbed) {
  EXPECT_EQ(said_of(file_with("#!/bin/sh\n")), "not_elf");
}

TEST_F(ElfWorkerTest, AnEmptyFileIsOneToo) { EXPECT_EQ(said_of(file_with("")), "not_elf"); }

TEST_F(ElfWorkerTest, ThisTestIsNoGoProgram) {
  EXPECT_EQ(said_of(base::Fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC))), "not_go");
}

TEST_F(ElfWorkerTest, ADirectoryCannotBeRead) {
  EXPECT_EQ(said_of(base::Fd(::open("/", O_RDONLY | O_CLOEXEC))), "unreadable");
}

TEST_F(ElfWorkerTest, AFileThatItMayNotReadCannotEither) {
  EXPECT_EQ(said_of(base::Fd(::open("/proc/self/exe", O_PATH | O_CLOEXEC))), "unreadable");
}

TEST_F(ElfWorkerTest, EndsUnansweredWithoutExactlyOneFile) {
  EXPECT_EQ(elf_worker_main(base::Fd(::dup(worker_.get())), {}), 2);
  std::vector<base::Fd> two;
  two.push_back(file_with(""));
  two.push_back(file_with(""));
  EXPECT_EQ(elf_worker_main(std::move(worker_), std::move(two)), 2);
  EXPECT_FALSE(answer());
}

TEST_F(ElfWorkerTest, EndsWhenTheBrokerIsGone) {
  broker_.reset();
  std::vector<base::Fd> files;
  files.push_back(file_with(""));
  EXPECT_EQ(elf_worker_main(std::move(worker_), std::move(files)), 1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Larger than what it may map: a hole, so that it costs nothing.
TEST_F(ElfWorkerTest, AFileThatHasNoRoomIsRefused) {
  base::Fd file(::memfd_create("large", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), off_t{1} << 30), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    broker_.reset();
    const auto limited =
        privileges::limit(privileges::Resource::address_space_bytes, std::uint64_t{512} << 20);
    std::vector<base::Fd> files;
    files.push_back(std::move(file));
    ::_exit(limited ? elf_worker_main(std::move(worker_), std::move(files)) : 9);
  }
  worker_.reset();
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  const auto report = answer();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->text, "no_memory");
}
#endif

// As it is used: forked by the secured spawner, with all its limits.
TEST(ElfWorkerRole, ReadsConfinedAndEnds) {
  auto spawner = start_spawner(role_mains());
  ASSERT_TRUE(spawner) << spawner.error().message();
  const base::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto child = spawner->spawn(spawn::ChildRole::elf_worker, std::array{file.get()});
  ASSERT_TRUE(child) << child.error().message();
  const auto report = receive_report(child->channel);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->text, "not_go");
  pollfd wait{spawner->fd(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 20'000), 1);
  const auto ended = spawner->read_exit();
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ((*ended)->exit_code, 0);
  EXPECT_EQ((*ended)->signal, 0);
}

}  // namespace
}  // namespace beyla::agent
