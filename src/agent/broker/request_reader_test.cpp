#include "agent/broker/request_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include "agent/broker/request_test_data.h"
#include "base/fd.h"

namespace beyla::broker {
namespace {

using Turn = RequestReader::Turn;

struct Channel final : RequestListener {
  Channel() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    broker = base::Fd(fds[0]);
    processor = base::Fd(fds[1]);
    EXPECT_EQ(::fcntl(processor.get(), F_SETFL, O_NONBLOCK), 0);
  }
  void on_ready() override { ++ready; }
  void on_delivered() override {}
  bool attach(const model::ProcessKey&, abi::probe_set) override { return true; }
  void answer(const abi::request_answer&) override { ++answers; }

  bool send(std::span<const std::byte> bytes) const {
    return ::send(processor.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  Turn read() { return reader.read(broker.get(), now); }

  base::Fd broker, processor;
  base::BootTime now{std::chrono::hours(1)};
  TargetLog log;
  RequestDesk desk{{}, log, *this};
  RequestReader reader{desk};
  int ready = 0;
  int answers = 0;
};

TEST(RequestReader, TakesWhatWaitsAndDoesNotBlock) {
  Channel channel;
  EXPECT_EQ(channel.read(), Turn::done);
  EXPECT_TRUE(channel.send(bytes_of(make_notice(abi::kRequestReady))));
  EXPECT_TRUE(channel.send(bytes_of(make_probe_request({1, 1, 1}))));
  EXPECT_EQ(channel.read(), Turn::done);
  EXPECT_EQ(channel.ready, 1);
  EXPECT_EQ(channel.answers, 1);
  EXPECT_LE(channel.reader.resume_at(), channel.now);
}

TEST(RequestReader, AFloodIsTakenInTurnsWithPauses) {
  Channel channel;
  int sent = 0;
  while (channel.send(bytes_of(make_probe_request({1, 1, 1})))) ++sent;
  ASSERT_GT(sent, 2 * static_cast<int>(RequestReader::kMaxPerTurn));
  EXPECT_EQ(channel.read(), Turn::done);
  EXPECT_EQ(channel.answers, static_cast<int>(RequestReader::kMaxPerTurn));
  EXPECT_EQ(channel.reader.resume_at(), channel.now + RequestReader::kPause);
  while (channel.reader.resume_at() > channel.now) {
    channel.now = channel.reader.resume_at();
    EXPECT_EQ(channel.read(), Turn::done);
  }
  EXPECT_EQ(channel.answers, sent);
}

TEST(RequestReader, EmptyShortAndLongDatagramsAreMalformedAndThenEndTheProcessor) {
  Channel channel;
  const std::vector<std::byte> large(60'000);
  for (const std::size_t size : {0U, 1U, 39U, 41U, 60'000U}) {
    EXPECT_TRUE(channel.send(std::span(large).first(size))) << size;
    EXPECT_EQ(channel.read(), Turn::done) << size;
  }
  EXPECT_EQ(channel.desk.counts().malformed[static_cast<std::size_t>(Malformed::size)].value(), 5U);
  // What begins like a request and is longer, too.
  auto twice = std::array{make_notice(abi::kRequestReady), make_notice(abi::kRequestReady)};
  EXPECT_TRUE(channel.send(std::as_bytes(std::span(twice))));
  EXPECT_EQ(channel.read(), Turn::done);
  EXPECT_EQ(channel.ready, 0);
  for (std::uint32_t i = 6; i < RequestDesk::kMaxMalformed + 10; ++i) channel.send({});
  EXPECT_EQ(channel.read(), Turn::hostile);
  EXPECT_EQ(channel.desk.counts().all_malformed(), RequestDesk::kMaxMalformed);
}

TEST(RequestReader, TheEndComesBehindTheLastRequest) {
  Channel channel;
  EXPECT_TRUE(channel.send(bytes_of(make_notice(abi::kRequestReady))));
  channel.processor.reset();
  EXPECT_EQ(channel.read(), Turn::closed);
  EXPECT_EQ(channel.ready, 1);
  EXPECT_EQ(channel.desk.counts().all_malformed(), 0U);
}

// A hostile processor must not fill the broker's table of descriptors.
TEST(RequestReader, DescriptorsThatComeAlongAreClosed) {
  Channel channel;
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd read_end(ends[0]);
  base::Fd write_end(ends[1]);
  auto request = make_notice(abi::kRequestReady);
  iovec data{&request, sizeof(request)};
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
  const int passed = write_end.get();
  std::memcpy(CMSG_DATA(header), &passed, sizeof(passed));
  ASSERT_EQ(::sendmsg(channel.processor.get(), &message, MSG_NOSIGNAL),
            static_cast<ssize_t>(sizeof(request)));
  write_end.reset();
  EXPECT_EQ(channel.read(), Turn::done);
  EXPECT_EQ(channel.ready, 1);
  // Nobody holds the pipe's other end any more.
  pollfd state{read_end.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&state, 1, 0), 1);
  EXPECT_NE(state.revents & POLLHUP, 0);
}

}  // namespace
}  // namespace beyla::broker
