// Thousands of conversations with records lost at random: no pair may be wrong. Path and status
// carry the same number.
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "protocols/session/conversation.h"

namespace beyla::protocols::http1 {
namespace {

using model::Direction;
using session::Conversation;

constexpr int kStatuses = 300;  // 200..499, none of them without a body by its status
constexpr int kConversations = 4000;

class LossyTalk {
 public:
  LossyTalk(unsigned seed, unsigned loss_percent, bool joined)
      : random_(seed), loss_percent_(loss_percent), talk_(model::Role::server, !joined) {}

  // From now on records are lost.
  void begin_loss(unsigned percent) { loss_percent_ = percent; }

  void exchange() {
    const int number = next_number();
    const std::string path = std::to_string(number);
    if (chance(30)) {
      record(Direction::received, "POST /" + path + " HTTP/1.1\r\nContent-Length: 20\r\n\r\n");
      if (chance(30)) record(Direction::sent, "HTTP/1.1 100 Continue\r\n\r\n");
      record(Direction::received, "0123456789");
      record(Direction::received, "0123456789");
    } else if (chance(20)) {
      record(Direction::received,
             "PUT /" + path + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
      record(Direction::received, "5\r\nhello\r\n");
      record(Direction::received, "0\r\n\r\n");
    } else if (chance(20)) {
      record(Direction::received, "G");
      record(Direction::received, "ET /" + path + " HTTP/1.1\r\n\r\n");
    } else {
      record(Direction::received, "GET /" + path + " HTTP/1.1\r\n\r\n");
    }
    answer(number);
  }

  void batch() {
    std::array<int, 3> numbers{};
    for (int& number : numbers) {
      number = next_number();
      record(Direction::received, "GET /" + std::to_string(number) + " HTTP/1.1\r\n\r\n");
    }
    for (const int number : numbers) answer(number);
  }

  [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }
  [[nodiscard]] Conversation& talk() { return talk_; }

 private:
  int next_number() {
    number_ = (number_ + 1) % kStatuses;
    if (number_ == 4 || number_ == 104) ++number_;  // 204 and 304
    return 200 + number_;
  }

  void answer(int number) {
    const std::string status = "HTTP/1.1 " + std::to_string(number) + " X\r\n";
    if (chance(30)) {
      record(Direction::sent, status + "Content-Length: 20\r\n\r\n");
      record(Direction::sent, "0123456789");
      record(Direction::sent, "0123456789");
    } else if (chance(30)) {
      record(Direction::sent, status + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      record(Direction::sent, "5\r\nhello\r\n");
      record(Direction::sent, "0\r\n\r\n");
    } else if (chance(30)) {
      record(Direction::sent, status + "Content-Length: 2\r\n");
      record(Direction::sent, "\r\nok");
    } else {
      record(Direction::sent, status + "Content-Length: 2\r\n\r\nok");
    }
  }

  void record(Direction direction, const std::string& text) {
    if (burst_ > 0 || chance(loss_percent_)) {
      burst_ = burst_ > 0 ? burst_ - 1 : random_() % 4;
      talk_.lose(direction, text.size());
    } else if (chance(10)) {
      talk_.record(direction, text, std::min<std::size_t>(text.size(), 24), 0);
    } else {
      talk_.record(direction, text, text.size(), 0);
    }
  }

  std::mt19937 random_;
  unsigned loss_percent_;
  unsigned long burst_ = 0;
  int number_ = 0;
  Conversation talk_;
};

// How many exchanges came out; each is checked.
std::size_t check(LossyTalk& lossy, unsigned seed) {
  lossy.talk().close();
  for (const auto& exchange : lossy.talk().sink.exchanges) {
    const std::string& path = exchange.semantics.target;
    EXPECT_EQ(path, "/" + exchange.semantics.outcome) << "seed " << seed;
  }
  return lossy.talk().sink.exchanges.size();
}

TEST(Http1RandomLoss, NeverPairsWrongly) {
  std::size_t total = 0;
  for (unsigned seed = 0; seed < kConversations && !::testing::Test::HasFailure(); ++seed) {
    LossyTalk lossy(seed, 1 + seed % 20, seed % 5 == 0);
    for (int i = 0; i < 20; ++i) lossy.exchange();
    total += check(lossy, seed);
  }
  EXPECT_GT(total, kConversations * 20U / 4);  // and it does not just drop all
}

TEST(Http1RandomLoss, NeverPairsWronglyWithPipelining) {
  std::size_t total = 0;
  for (unsigned seed = 0; seed < kConversations && !::testing::Test::HasFailure(); ++seed) {
    LossyTalk lossy(seed, 0, false);
    lossy.batch();  // seen pipelining; without it no evidence may be left that it does
    lossy.begin_loss(1 + seed % 10);
    for (int i = 0; i < 10; ++i) lossy.batch();
    total += check(lossy, seed);
  }
  EXPECT_GT(total, kConversations);
}

}  // namespace
}  // namespace beyla::protocols::http1
