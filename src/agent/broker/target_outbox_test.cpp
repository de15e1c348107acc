#include "agent/broker/target_outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/byte_reader.h"

namespace beyla::broker {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

// The other end of a channel.
class Processor {
 public:
  Processor() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    brokers_ = base::Fd(fds[0]);
    mine_ = base::Fd(fds[1]);
  }
  [[nodiscard]] int channel() const { return brokers_.get(); }
  void die() { mine_.reset(); }

  // What waits in the channel, one word each.
  std::vector<std::string> receive() {
    std::vector<std::string> messages;
    std::array<std::byte, 1'024> buffer{};
    while (true) {
      const ssize_t got = ::recv(mine_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (got <= 0) return messages;
      messages.push_back(text_of(std::span(buffer).first(static_cast<std::size_t>(got))));
    }
  }

 private:
  static std::string text_of(std::span<const std::byte> bytes) {
    base::ByteReader reader(bytes);
    switch (base::ByteReader(bytes).read_struct<abi::message_head>()->kind) {
      case abi::kMessageAnswer: {
        const auto answer = reader.read_struct<abi::request_answer>();
        EXPECT_EQ(reader.remaining(), 0U);
        return "answer " + std::to_string(answer->request_id);
      }
      case abi::kMessageStop: EXPECT_EQ(bytes.size(), sizeof(abi::stop_message)); return "stop";
      default: {
        const auto change = reader.read_struct<abi::target_message>();
        EXPECT_EQ(reader.remaining(), 0U);
        EXPECT_EQ(change->version, abi::kAbiVersion);
        const char* const kinds[] = {"", "selected", "rejected", "exited"};
        const std::string name(reinterpret_cast<const char*>(change->service_name));
        return std::string(kinds[change->change]) + ' ' + std::to_string(change->process.pid) +
               (name.empty() ? "" : ' ' + name);
      }
    }
  }
  base::Fd brokers_, mine_;
};

struct Outbox {
  void select(std::uint32_t pid, std::chrono::nanoseconds time = seconds(1),
              const std::string& name = "s") {
    box.on_selected({{pid, 0, pid}, {name}}, at(time));
  }
  void exit(std::uint32_t pid, std::chrono::nanoseconds time = seconds(1)) {
    box.on_exited({pid, 0, pid}, at(time));
  }
  void answer(std::uint64_t id) {
    box.answer({abi::kChannelVersion, abi::kMessageAnswer, sizeof(abi::request_answer), 0, id});
  }
  // Reads until nothing more comes.
  std::vector<std::string> all_from(Processor& processor) {
    std::vector<std::string> all;
    while (true) {
      box.flush();
      const auto some = processor.receive();
      if (some.empty()) return all;
      all.insert(all.end(), some.begin(), some.end());
    }
  }
  TargetOutbox box;
};

TEST(TargetOutbox, SendsNewsInOrder) {
  Outbox outbox;
  Processor processor;
  outbox.box.attach_to(processor.channel(), at(seconds(1)));
  EXPECT_FALSE(outbox.box.wants_write());
  outbox.select(1);
  outbox.box.on_rejected({2, 0, 2}, at(seconds(1)));
  outbox.exit(1);
  EXPECT_TRUE(outbox.box.wants_write());
  outbox.box.flush();
  EXPECT_FALSE(outbox.box.wants_write());
  EXPECT_THAT(processor.receive(), ElementsAre("selected 1 s", "rejected 2", "exited 1"));
  EXPECT_FALSE(outbox.box.overflowed());
  EXPECT_FALSE(outbox.box.broken());
}

TEST(TargetOutbox, ANewProcessorIsToldEverythingThenTheNews) {
  Outbox outbox;
  outbox.select(1, seconds(1));
  Processor first;
  outbox.box.attach_to(first.channel(), at(seconds(2)));
  outbox.box.flush();
  outbox.select(2, seconds(3));
  outbox.exit(1, seconds(4));
  outbox.box.detach();
  outbox.select(3, seconds(5));  // while there is none
  EXPECT_FALSE(outbox.box.wants_write());
  Processor second;
  outbox.box.attach_to(second.channel(), at(seconds(6)));
  EXPECT_TRUE(outbox.box.wants_write());
  outbox.exit(2, seconds(6));
  EXPECT_THAT(outbox.all_from(second),
              ElementsAre("selected 1 s", "selected 2 s", "exited 1", "selected 3 s", "exited 2"));
  EXPECT_THAT(first.receive(), ElementsAre("selected 1 s"));
}

TEST(TargetOutbox, AReaderThatStopsBlocksNobodyAndHearsAllLater) {
  Outbox outbox;
  Processor processor;
  outbox.box.attach_to(processor.channel(), at(seconds(1)));
  std::vector<std::string> expected;
  for (std::uint32_t pid = 1; pid <= 2'000; ++pid) {
    outbox.select(pid);
    outbox.box.flush();
    expected.push_back("selected " + std::to_string(pid) + " s");
  }
  EXPECT_TRUE(outbox.box.wants_write());
  EXPECT_FALSE(outbox.box.overflowed());
  EXPECT_FALSE(outbox.box.broken());
  EXPECT_EQ(outbox.all_from(processor), expected);
  EXPECT_FALSE(outbox.box.wants_write());
}

TEST(TargetOutbox, NewsBeyondTheBoundOverflowUntilAnotherProcessorComes) {
  Outbox outbox;
  for (std::uint32_t pid = 1; pid <= 20'000; ++pid) outbox.select(pid);
  Processor slow;
  outbox.box.attach_to(slow.channel(), at(seconds(1)));
  EXPECT_FALSE(outbox.box.overflowed());  // what was known is no news
  for (std::uint32_t pid = 1; pid <= TargetOutbox::kMaxWaiting; ++pid) outbox.exit(pid);
  EXPECT_FALSE(outbox.box.overflowed());
  outbox.select(50'000);
  EXPECT_TRUE(outbox.box.overflowed());
  outbox.box.flush();  // takes some of what was known: as many news wait as before
  EXPECT_TRUE(outbox.box.overflowed());
  outbox.box.detach();
  EXPECT_FALSE(outbox.box.overflowed());
  Processor next;
  outbox.box.attach_to(next.channel(), at(seconds(1)));
  EXPECT_FALSE(outbox.box.overflowed());
  EXPECT_EQ(outbox.all_from(next).size(), 20'000U + TargetOutbox::kMaxWaiting + 1);
}

TEST(TargetOutbox, NewsCountOnlyUntilTheyAreSent) {
  Outbox outbox;
  Processor processor;
  outbox.select(1);
  outbox.box.attach_to(processor.channel(), at(seconds(1)));
  for (std::uint32_t pid = 2; pid <= 2 * TargetOutbox::kMaxWaiting; ++pid) {
    outbox.select(pid);
    outbox.box.flush();
    if (pid % 100 == 0) processor.receive();
    ASSERT_FALSE(outbox.box.overflowed()) << pid;
  }
}

TEST(TargetOutbox, AnswersGoFirstAndStopLast) {
  Outbox outbox;
  Processor processor;
  outbox.box.attach_to(processor.channel(), at(seconds(1)));
  outbox.box.stop();
  outbox.select(1);
  outbox.answer(77);
  EXPECT_THAT(outbox.all_from(processor), ElementsAre("answer 77", "selected 1 s", "stop"));
  EXPECT_FALSE(outbox.box.wants_write());
}

TEST(TargetOutbox, AnswersAndStopAreForOneProcessorOnly) {
  Outbox outbox;
  outbox.answer(1);
  outbox.box.stop();
  Processor first;
  outbox.box.attach_to(first.channel(), at(seconds(1)));
  EXPECT_FALSE(outbox.box.wants_write());
  outbox.answer(2);
  outbox.box.stop();
  Processor second;
  outbox.box.attach_to(second.channel(), at(seconds(1)));
  EXPECT_THAT(outbox.all_from(second), IsEmpty());
}

TEST(TargetOutbox, AnswersThatNobodyReadsOverflow) {
  Outbox outbox;
  Processor processor;
  outbox.box.attach_to(processor.channel(), at(seconds(1)));
  for (std::uint64_t id = 0; id < TargetOutbox::kMaxAnswersWaiting; ++id) outbox.answer(id);
  EXPECT_FALSE(outbox.box.overflowed());
  for (std::uint64_t id = 0; id < 100'000; ++id) outbox.answer(id);
  EXPECT_TRUE(outbox.box.overflowed());
  EXPECT_EQ(outbox.all_from(processor).size(), TargetOutbox::kMaxAnswersWaiting + 1);
}

TEST(TargetOutbox, AProcessorThatDiedBreaksTheChannelWithoutASignal) {
  Outbox outbox;
  Processor processor;
  outbox.box.attach_to(processor.channel(), at(seconds(1)));
  processor.die();
  outbox.select(1);
  outbox.box.flush();
  EXPECT_TRUE(outbox.box.broken());
  EXPECT_FALSE(outbox.box.wants_write());
  Processor next;
  outbox.box.attach_to(next.channel(), at(seconds(1)));
  EXPECT_FALSE(outbox.box.broken());
  EXPECT_THAT(outbox.all_from(next), ElementsAre("selected 1 s"));
}

TEST(TargetOutbox, TwentyThousandProcessesAreToldInTheirOrder) {
  Outbox outbox;
  constexpr std::uint32_t kProcesses = 20'000;
  for (std::uint32_t pid = 1; pid <= kProcesses; ++pid) outbox.select(pid);
  for (std::uint32_t pid = 1; pid <= kProcesses; pid += 4) outbox.exit(pid, seconds(2));
  Processor processor;
  outbox.box.attach_to(processor.channel(), at(seconds(3)));
  const auto all = outbox.all_from(processor);
  ASSERT_EQ(all.size(), kProcesses + kProcesses / 4);
  std::map<std::string, int> seen;
  for (const auto& message : all) ++seen[message];
  EXPECT_EQ(seen.size(), all.size());
  EXPECT_EQ(all.front(), "selected 1 s");
  EXPECT_EQ(all.back(), "exited 19997");
}

// Short processes for as long as one likes, and a reader that never reads: until the broker is told
// to end it, a process takes what its bound says.
TEST(TargetOutbox, MemoryIsBounded) {
  const std::string name(abi::kServiceNameBytes, 'n');
  const auto heap = [] { return ::mallinfo2().uordblks; };
  const auto before = heap();
  Outbox outbox;
  Processor processor;
  outbox.box.attach_to(processor.channel(), at(seconds(1)));
  std::uint32_t pid = 1;
  for (; !outbox.box.overflowed(); ++pid) {
    outbox.select(pid, seconds(1), name);
    outbox.exit(pid);
    outbox.box.flush();
  }
  EXPECT_LE(pid, TargetOutbox::kMaxWaiting);
  outbox.box.detach();
  for (; pid <= 100'000; ++pid) {
    outbox.select(pid, seconds(1), name);
    outbox.exit(pid);
  }
  constexpr std::size_t kLongest = 512;  // per change: a long name's, and the log's own
  EXPECT_LE(heap() - before, (TargetLog::kMaxPast + 16'384) * kLongest);
}

}  // namespace
}  // namespace beyla::broker
