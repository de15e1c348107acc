// The spawner against a broker that breaks every rule of abi/spawn.h.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstring>

#include "agent/spawn/messages.h"
#include "agent/spawn/spawn_test_support.h"
#include "agent/spawn/spawner_process.h"
#include "base/fd_message.h"

namespace beyla::agent::spawn::testing {
namespace {

class RawSpawner : public ::testing::Test {
 protected:
  void SetUp() override {
    auto [control, its_control] = make_sockets();
    auto [exits, its_exits] = make_sockets();
    const pid_t broker = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
      run_spawner({std::move(its_control), std::move(its_exits)},
                  {{ChildRole::processor, "beyla-proc", obey, {}, nothing_to_secure}}, kOpenHooks,
                  broker);
    }
    process_ = OwnProcess(pid);
    control_ = std::move(control);
    exits_ = std::move(exits);
    std::array<std::byte, sizeof(abi::spawn_hello)> buffer{};
    ASSERT_TRUE(readable_in_time(control_.get()));
    ASSERT_TRUE(base::receive_message(control_.get(), buffer));
    ASSERT_EQ(decode_hello(buffer).value().ready, 1U);
  }
  void TearDown() override {
    control_.reset();
    exits_.reset();
    EXPECT_TRUE(process_.wait_for(kPatience));
  }

  static std::pair<base::Fd, base::Fd> make_sockets() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    return {base::Fd(fds[0]), base::Fd(fds[1])};
  }
  static abi::spawn_request request(std::uint64_t id) {
    return {abi::kSpawnVersion, sizeof(abi::spawn_request), abi::kSpawnChild, 2, id, 0, 0};
  }
  int send(std::span<const std::byte> bytes, std::span<const int> fds) {
    return base::send_message(control_.get(), bytes, fds);
  }
  int send(const abi::spawn_request& request, std::span<const int> fds) {
    return send(std::as_bytes(std::span(&request, 1)), fds);
  }
  abi::spawn_report answer() {
    std::array<std::byte, sizeof(abi::spawn_report)> buffer{};
    if (!readable_in_time(control_.get()) || !base::receive_message(control_.get(), buffer))
      return {};
    return decode_report(buffer).value_or(abi::spawn_report{});
  }
  void expect_refused(abi::spawn_refusal refusal) {
    const auto report = answer();
    EXPECT_EQ(report.kind, abi::kSpawnRefused);
    EXPECT_STREQ(refusal_text(static_cast<abi::spawn_refusal>(report.refusal)),
                 refusal_text(refusal));
    EXPECT_EQ(report.refused_total, ++refused_);
  }

  OwnProcess process_;
  base::Fd control_;
  base::Fd exits_;
  std::uint64_t refused_ = 0;
};

TEST_F(RawSpawner, RefusesWithAnAnswerAndClosesWhatCameAlong) {
  const auto [ours, theirs] = make_sockets();
  const std::vector<int> fds(base::kMaxMessageFds, theirs.get());
  const std::size_t before = count_fds(process_.pid());
  const auto good = request(1);
  const auto bytes = std::as_bytes(std::span(&good, 1));

  EXPECT_EQ(send(bytes.first(31), fds), 0);
  expect_refused(abi::kRefusedSize);
  EXPECT_EQ(send(bytes.first(0), {}), 0);  // reads like the end of the stream, and is none
  expect_refused(abi::kRefusedSize);
  EXPECT_EQ(send(std::vector<std::byte>(4096), fds), 0);
  expect_refused(abi::kRefusedCut);
  EXPECT_EQ(send(good, fds), 0);
  expect_refused(abi::kRefusedFdCount);
  EXPECT_EQ(send(good, {}), 0);
  expect_refused(abi::kRefusedFdCount);
  auto other_role = good;
  other_role.role = 3;
  EXPECT_EQ(send(other_role, std::array{theirs.get()}), 0);
  expect_refused(abi::kRefusedRole);
  EXPECT_EQ(count_fds(process_.pid()), before);
}

TEST_F(RawSpawner, RefusesMoreFilesThanItHasRoomFor) {
  const auto [ours, theirs] = make_sockets();
  const std::size_t before = count_fds(process_.pid());
  auto request = this->request(1);
  // By hand: send_message() itself sends no more than 17.
  for (const std::size_t count :
       {base::kMaxMessageFds + 1, base::kMaxMessageFds + 2, std::size_t{253}}) {
    const std::vector<int> fds(count, theirs.get());
    std::vector<std::byte> control(CMSG_SPACE(count * sizeof(int)));
    iovec piece{&request, sizeof(request)};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), fds.data(), count * sizeof(int));
    ASSERT_GT(::sendmsg(control_.get(), &message, MSG_NOSIGNAL), 0);
    expect_refused(abi::kRefusedCut);
  }
  EXPECT_EQ(count_fds(process_.pid()), before);
}

TEST_F(RawSpawner, RefusesTheIdOfALivingChild) {
  const auto [channel, theirs] = make_sockets();
  EXPECT_EQ(send(request(7), std::array{theirs.get()}), 0);
  EXPECT_EQ(answer().kind, abi::kSpawnStarted);
  EXPECT_EQ(send(request(7), std::array{theirs.get()}), 0);
  expect_refused(abi::kRefusedIdInUse);
}

TEST_F(RawSpawner, AFloodIsAnsweredOneByOne) {
  constexpr std::uint64_t kRequests = 20000;
  const auto good = request(1);
  const auto bytes = std::as_bytes(std::span(&good, 1));
  std::uint64_t sent = 0;
  while (refused_ < kRequests) {
    // Until both directions are full: a spawner that blocks on its answer would not come back.
    while (sent < kRequests && send(bytes.first(16), {}) == 0) ++sent;
    expect_refused(abi::kRefusedSize);
  }
  const auto [channel, theirs] = make_sockets();
  EXPECT_EQ(send(good, std::array{theirs.get()}), 0);
  EXPECT_EQ(answer().kind, abi::kSpawnStarted);
}

TEST_F(RawSpawner, EndsWhenOnlyTheExitsAreClosed) {
  const base::Fd watched = watch(process_.pid());
  exits_.reset();
  EXPECT_TRUE(readable_in_time(watched.get()));
}

}  // namespace
}  // namespace beyla::agent::spawn::testing
