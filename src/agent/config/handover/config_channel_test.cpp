#include "agent/config/handover/config_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <thread>

#include <gtest/gtest.h>

#include "base/fd.h"

namespace beyla::agent::config {
namespace {

using std::chrono::steady_clock;

class ConfigChannelTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    broker_ = base::Fd(ends[0]);
    worker_ = base::Fd(ends[1]);
  }

  static steady_clock::time_point later() { return steady_clock::now() + std::chrono::seconds(20); }

  static LoadedConfig some_config() {
    LoadedConfig loaded;
    loaded.policy.wanted_ports.set(80);
    loaded.settings.trace_printer = TracePrinterKind::text;
    return loaded;
  }

  int failure_of(steady_clock::time_point deadline) {
    const auto loaded = receive_config(broker_.get(), deadline);
    return loaded ? 0 : loaded.error().os_errno;
  }

  base::Fd broker_;
  base::Fd worker_;
};

TEST_F(ConfigChannelTest, CarriesRequestAndAnswer) {
  std::thread worker([this] {
    const auto path = receive_config_request(worker_.get());
    EXPECT_EQ(path.value_or(std::nullopt), "/c.yml");
    EXPECT_TRUE(send_config_answer(worker_.get(), encode_config_answer(some_config())));
  });
  EXPECT_TRUE(send_config_request(broker_.get(), "/c.yml"));
  const auto loaded = receive_config(broker_.get(), later());
  worker.join();
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_EQ(*loaded, some_config());
}

TEST_F(ConfigChannelTest, AnAnswerThatIsThereIsTakenAfterTheDeadline) {
  ASSERT_TRUE(send_config_answer(worker_.get(), encode_config_answer(some_config())));
  EXPECT_TRUE(receive_config(broker_.get(), steady_clock::time_point{}).has_value());
}

TEST_F(ConfigChannelTest, NoAnswerByTheDeadline) {
  const auto start = steady_clock::now();
  EXPECT_EQ(failure_of(start + std::chrono::milliseconds(20)), ETIMEDOUT);
  EXPECT_GE(steady_clock::now() - start, std::chrono::milliseconds(20));
}

TEST_F(ConfigChannelTest, TheWorkerEndsWithoutAnAnswer) {
  worker_.reset();
  EXPECT_EQ(failure_of(later()), ECONNRESET);
}

TEST_F(ConfigChannelTest, TheWorkerEndsBeforeItReadsTheRequest) {
  ASSERT_TRUE(send_config_request(broker_.get(), std::nullopt));
  worker_.reset();
  EXPECT_EQ(failure_of(later()), ECONNRESET);
}

TEST_F(ConfigChannelTest, TheBrokerEnds) {
  broker_.reset();
  EXPECT_EQ(receive_config_request(worker_.get()).error().os_errno, ECONNRESET);
  EXPECT_EQ(send_config_answer(worker_.get(), encode_config_answer(some_config())).error().os_errno,
            EPIPE);
}

TEST_F(ConfigChannelTest, AnAnswerOfAnotherSize) {
  std::vector<std::byte> bytes(sizeof(abi::config_answer) + 8);
  const auto answer = encode_config_answer(some_config());
  std::ranges::copy(std::as_bytes(std::span(&answer, 1)), bytes.begin());
  for (const std::size_t size :
       {std::size_t{1}, sizeof(answer) - 1, sizeof(answer) + 1, sizeof(answer) + 8}) {
    ASSERT_EQ(::send(worker_.get(), bytes.data(), size, 0), static_cast<ssize_t>(size));
    EXPECT_EQ(failure_of(later()), EBADMSG) << size;
  }
}

TEST_F(ConfigChannelTest, AnEmptyDatagramIsNoAnswer) {
  ASSERT_EQ(::send(worker_.get(), "", 0, 0), 0);
  EXPECT_EQ(failure_of(later()), ECONNRESET);
}

TEST_F(ConfigChannelTest, DescriptorsOfALyingWorkerDoNotArrive) {
  const auto answer = encode_config_answer(some_config());
  iovec data{const_cast<abi::config_answer*>(&answer), sizeof(answer)};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int sent = worker_.get();
  std::memcpy(CMSG_DATA(header), &sent, sizeof(sent));
  ASSERT_EQ(::sendmsg(worker_.get(), &message, 0), static_cast<ssize_t>(sizeof(answer)));
  const int next = ::dup(broker_.get());
  ::close(next);
  EXPECT_TRUE(receive_config(broker_.get(), later()).has_value());
  EXPECT_EQ(::fcntl(next, F_GETFD), -1) << "a descriptor was installed";
}

}  // namespace
}  // namespace beyla::agent::config
