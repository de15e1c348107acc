// Thousands of conversations with records lost at random: no pair may be wrong. Path and status
// carry the same number.
#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <random>
#include <string>

#include "protocols/session/conversation.h"

namespace beyla::protocols::http1 {
namespace {

using model::Direction;
using session::Conversation;

constexpr int kStatuses = 300;  // 200..499, none of them without a body by its status
constexpr int kConversations = 20000;

class LossyTalk {
 public:
  LossyTalk(unsigned seed, model::Role role, unsigned loss_percent, bool joined)
      : random_(seed), loss_percent_(loss_percent), talk_(role, !joined) {}

  // From now on records are lost.
  void begin_loss(unsigned percent) { loss_percent_ = percent; }

  void exchange() {
    const int number = next_number();
    const std::string path = std::to_string(number);
    if (chance(30)) {
      ask("POST /" + path + " HTTP/1.1\r\nContent-Length: 20\r\n\r\n");
      if (chance(30)) answer_with("HTTP/1.1 100 Continue\r\n\r\n");
      ask("0123456789");
      ask("0123456789");
    } else if (chance(20)) {
      ask("PUT /" + path + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
      ask("5\r\nhello\r\n");
      ask("0\r\n\r\n");
    } else if (chance(20)) {
      ask("G");
      ask("ET /" + path + " HTTP/1.1\r\n\r\n");
    } else {
      ask("GET /" + path + " HTTP/1.1\r\n\r\n");
    }
    answer(number);
  }

  void batch() {
    std::array<int, 3> numbers{};
    for (int& number : numbers) {
      number = next_number();
      ask("GET /" + std::to_string(number) + " HTTP/1.1\r\n\r\n");
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
      answer_with(status + "Content-Length: 20\r\n\r\n");
      answer_with("0123456789");
      answer_with("0123456789");
    } else if (chance(30)) {
      answer_with(status + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      answer_with("5\r\nhello\r\n");
      answer_with("0\r\n\r\n");
    } else if (chance(30)) {
      answer_with(status + "Content-Length: 2\r\n");
      answer_with("\r\nok");
    } else {
      answer_with(status + "Content-Length: 2\r\n\r\nok");
    }
  }

  void ask(const std::string& text) {
    const bool client = talk_.asking() == Direction::sent;
    if (!client || !chance(30) || lost()) {
      // Records of one thread keep their order; not those of several.
      if (loss_percent_ == 0 || chance(50)) talk_.deliver_late();
      record(talk_.asking(), text);
    } else {
      late_.push_back(text);
      talk_.send_late(late_.back());
    }
  }

  // What is read may come before the record of what was sent.
  void answer_with(const std::string& text) {
    if (chance(50)) talk_.deliver_late();
    record(session::opposite(talk_.asking()), text);
    if (loss_percent_ > 0 && chance(2)) talk_.tidy();
  }

  [[nodiscard]] bool lost() { return burst_ > 0 || chance(loss_percent_); }

  void record(Direction direction, const std::string& text) {
    if (lost()) {
      burst_ = burst_ > 0 ? burst_ - 1 : random_() % 4;
      talk_.lose(direction, text.size());
    } else if (loss_percent_ > 0 && chance(10)) {
      talk_.record(direction, text, std::min<std::size_t>(text.size(), 24), 0);
    } else {
      talk_.record(direction, text, text.size(), 0);
    }
  }

  std::mt19937 random_;
  unsigned loss_percent_;
  unsigned long burst_ = 0;
  int number_ = 0;
  std::deque<std::string> late_;
  Conversation talk_;
};

// How many exchanges came out; each is checked.
std::size_t check(LossyTalk& lossy, unsigned seed) {
  lossy.talk().deliver_late();
  lossy.talk().close();
  for (const auto& exchange : lossy.talk().sink.exchanges) {
    const std::string& path = exchange.semantics.target;
    EXPECT_EQ(path, "/" + exchange.semantics.outcome) << "seed " << seed;
    EXPECT_LE(exchange.received, exchange.end) << "seed " << seed;
  }
  EXPECT_EQ(lossy.talk().table().held_bytes(), 0U);
  return lossy.talk().sink.exchanges.size();
}

class Http1RandomLoss : public ::testing::TestWithParam<model::Role> {};
INSTANTIATE_TEST_SUITE_P(BothRoles, Http1RandomLoss,
                         ::testing::Values(model::Role::server, model::Role::client));

TEST_P(Http1RandomLoss, NeverPairsWrongly) {
  std::size_t total = 0;
  for (unsigned seed = 0; seed < kConversations && !::testing::Test::HasFailure(); ++seed) {
    LossyTalk lossy(seed, GetParam(), 1 + seed % 20, seed % 5 == 0);
    for (int i = 0; i < 20; ++i) lossy.exchange();
    total += check(lossy, seed);
  }
  EXPECT_GT(total, kConversations * 20U / 4);  // and it does not just drop all
}

TEST_P(Http1RandomLoss, NeverPairsWronglyWithPipelining) {
  std::size_t total = 0;
  for (unsigned seed = 0; seed < kConversations && !::testing::Test::HasFailure(); ++seed) {
    LossyTalk lossy(seed, GetParam(), 0, false);
    lossy.batch();  // seen pipelining; without it no evidence may be left that it does
    lossy.talk().deliver_late();
    lossy.begin_loss(1 + seed % 10);
    for (int i = 0; i < 10; ++i) lossy.batch();
    total += check(lossy, seed);
  }
  EXPECT_GT(total, kConversations);
}

TEST_P(Http1RandomLoss, WithoutLossNothingIsMissing) {
  for (unsigned seed = 0; seed < kConversations / 4 && !::testing::Test::HasFailure(); ++seed) {
    LossyTalk lossy(seed, GetParam(), 0, false);
    for (int i = 0; i < 20; ++i) seed % 2 == 0 ? lossy.exchange() : lossy.batch();
    EXPECT_EQ(check(lossy, seed), seed % 2 == 0 ? 20U : 60U) << seed;
    EXPECT_EQ(lossy.talk().sink.gaps, 0U) << seed;
  }
}

}  // namespace
}  // namespace beyla::protocols::http1
