// A client's answer can stand in the ring before its request. Status and path carry the same
// number, so that a wrong pair shows.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/session/conversation.h"

namespace beyla::protocols::session {
namespace {

using model::Direction;
using model::IncompleteReason;
using model::Role;
using Lines = std::vector<std::string>;

const std::string kAsk1 = "GET /201 HTTP/1.1\r\n\r\n";
const std::string kAsk2 = "GET /202 HTTP/1.1\r\n\r\n";
const std::string kAnswer1 = "HTTP/1.1 201 X\r\nContent-Length: 2\r\n\r\nok";
const std::string kAnswer2 = "HTTP/1.1 202 X\r\nContent-Length: 2\r\n\r\nok";
const Lines kFirst = {"GET /201 201 0"};
const Lines kSecond = {"GET /202 202 0"};
const Lines kBoth = {"GET /201 201 0", "GET /202 202 0"};

TEST(HeldRecords, AnAnswerWaitsForItsRequest) {
  Conversation talk(Role::client);
  talk.send_late(kAsk1);
  talk.answer(kAnswer1);
  const auto answered = talk.now();
  EXPECT_TRUE(talk.summaries().empty());
  EXPECT_EQ(talk.table().held_bytes(), kAnswer1.size());
  talk.deliver_late();
  ASSERT_EQ(talk.summaries(), kFirst);
  EXPECT_EQ(talk.sink.exchanges[0].end, answered);
  EXPECT_LE(talk.sink.exchanges[0].received, answered);
  EXPECT_EQ(talk.table().held_bytes(), 0U);
  EXPECT_EQ(talk.sink.gaps + talk.sink.unpaired, 0U);
}

TEST(HeldRecords, EveryRequestOfAConnectionMayBeLate) {
  Conversation talk(Role::client);
  for (int i = 0; i < 100; ++i) {
    talk.send_late(kAsk1);
    talk.answer(kAnswer1.substr(0, 10));
    talk.answer(kAnswer1.substr(10));
    talk.deliver_late();
  }
  EXPECT_EQ(talk.summaries(), Lines(100, kFirst[0]));
  EXPECT_EQ(talk.table().held_bytes(), 0U);
}

TEST(HeldRecords, ServersWaitForNothing) {
  Conversation talk(Role::server);
  talk.lose(Direction::received, 10);
  talk.answer(kAnswer1);
  EXPECT_EQ(talk.table().held_bytes(), 0U);
}

TEST(HeldRecords, ALostRequestShowsByTheNext) {
  Conversation talk(Role::client);
  talk.lose(Direction::sent, kAsk1.size());
  talk.answer(kAnswer1);
  talk.ask(kAsk2);
  talk.answer(kAnswer2);
  EXPECT_EQ(talk.summaries(), kSecond);
  EXPECT_EQ(talk.sink.gaps, 1U);
}

TEST(HeldRecords, ALostRequestThatNothingShowsIsGivenUpInTime) {
  Conversation talk(Role::client);
  talk.ask(kAsk1);
  talk.answer(kAnswer1);
  talk.lose(Direction::sent, kAsk2.size());
  talk.answer(kAnswer2);
  EXPECT_EQ(talk.sink.unpaired, 0U);
  talk.table().tidy(talk.now() + std::chrono::hours(1));  // the first look only starts the clock
  EXPECT_EQ(talk.sink.unpaired, 0U);
  talk.table().tidy(talk.now() + std::chrono::hours(1) + kMaxHoldTime);
  EXPECT_EQ(talk.sink.unpaired, 1U);
  EXPECT_EQ(talk.sink.gaps, 1U);
  EXPECT_EQ(talk.table().held_bytes(), 0U);
  EXPECT_EQ(talk.table().counters().holds_timed_out.value(), 1U);
  talk.ask(kAsk2);
  talk.answer(kAnswer2);
  EXPECT_EQ(talk.summaries(), kBoth);
}

TEST(HeldRecords, ARequestThatComesTooLateIsNotPairedWithTheNextAnswer) {
  Conversation talk(Role::client);
  talk.ask(kAsk1);
  talk.answer(kAnswer1);
  talk.send_late(kAsk1);
  talk.answer(kAnswer1);
  talk.tidy();
  talk.deliver_late();
  talk.ask(kAsk2);
  talk.answer(kAnswer2);
  EXPECT_EQ(talk.summaries(), kBoth);
  EXPECT_EQ(talk.sink.unpaired, 1U);
}

TEST(HeldRecords, CloseAndFlushEndTheWait) {
  for (const bool close : {true, false}) {
    Conversation talk(Role::client);
    talk.ask(kAsk1);
    talk.answer(kAnswer1);
    talk.lose(Direction::sent, kAsk2.size());
    talk.answer(kAnswer2);
    close ? talk.close() : talk.flush();
    EXPECT_EQ(talk.summaries(), kFirst);
    EXPECT_EQ(talk.sink.unpaired, 1U);
    EXPECT_EQ(talk.table().held_bytes(), 0U);
    EXPECT_EQ(talk.table().size(), 0U);
  }
}

TEST(HeldRecords, AreBoundedInNumber) {
  Conversation talk(Role::client);
  talk.ask(kAsk1);
  talk.send_late(kAsk2);
  for (std::size_t i = 0; i < kMaxHeldRecords; ++i) talk.answer("x");
  EXPECT_EQ(talk.table().held_bytes(), kMaxHeldRecords);
  talk.answer("x");
  EXPECT_EQ(talk.table().held_bytes(), 0U);
  EXPECT_EQ(talk.table().counters().holds_over_limit.value(), 1U);
}

TEST(HeldRecords, AreBoundedInBytes) {
  Conversation talk(Role::client);
  talk.ask(kAsk1);
  talk.send_late(kAsk2);
  const std::string large(kMaxHeldBytes, 'x');
  talk.answer(large);
  EXPECT_EQ(talk.table().held_bytes(), large.size());
  talk.answer("x");
  EXPECT_EQ(talk.table().held_bytes(), 0U);
}

TEST(HeldRecords, AreBoundedInTotal) {
  Conversation talk(Role::client);
  const std::string large(kMaxHeldBytes, 'x');
  for (std::uint64_t id = 100; id < 100 + 2 * kMaxHeldBytesTotal / kMaxHeldBytes; ++id) {
    model::ConnectionInfo info;
    info.id = id;
    info.role = Role::client;
    info.seen_from_start = true;
    talk.table().on_opened({talk.now(), info});
    model::StreamData answer;
    answer.connection = id;
    answer.other_offset = 1;
    answer.total_bytes = static_cast<std::uint32_t>(large.size());
    answer.head = base::as_bytes(large);
    talk.table().on_data(answer);
  }
  EXPECT_EQ(talk.table().held_bytes(), kMaxHeldBytesTotal);
  EXPECT_EQ(talk.table().counters().holds_over_limit.value(), kMaxHeldBytesTotal / kMaxHeldBytes);
  talk.flush();
  EXPECT_EQ(talk.table().held_bytes(), 0U);
}

TEST(HeldRecords, AnEarlyAnswerToABodyStillBeingSent) {
  Conversation talk(Role::client);
  talk.ask("POST /413 HTTP/1.1\r\nContent-Length: 30\r\n\r\n");
  const std::string body(30, 'b');
  talk.send_late(body);  // the call blocks
  talk.answer("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n");
  talk.deliver_late();
  talk.ask(kAsk2);
  talk.answer(kAnswer2);
  EXPECT_EQ(talk.summaries(), (Lines{"POST /413 413 30", "GET /202 202 0"}));
}

TEST(HeldRecords, ABodyThatBlocksForLongIsNoGap) {
  Conversation talk(Role::client);
  talk.ask("POST /413 HTTP/1.1\r\nContent-Length: 30\r\n\r\n");
  const std::string body(30, 'b');
  talk.send_late(body);
  talk.answer("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n");
  talk.tidy();
  EXPECT_EQ(talk.sink.exchanges.size(), 1U);
  talk.deliver_late();
  talk.ask(kAsk2);
  talk.answer(kAnswer2);
  EXPECT_EQ(talk.summaries(), (Lines{"POST /413 413 30", "GET /202 202 0"}));
  EXPECT_EQ(talk.sink.gaps, 0U);
}

TEST(HeldRecords, PipelinedRequestsThatAreLate) {
  Conversation talk(Role::client);
  talk.send_late(kAsk1);
  talk.send_late(kAsk2);
  talk.answer(kAnswer1 + kAnswer2);
  talk.deliver_late();
  EXPECT_EQ(talk.summaries(), kBoth);
}

TEST(HeldRecords, WhatIsNoHttpIsNotHeldOn) {
  Conversation talk(Role::client);
  talk.send_late("\x16\x03\x01");
  talk.answer("\x16\x03\x03");
  talk.deliver_late();
  EXPECT_TRUE(talk.policies.ignored());
  EXPECT_EQ(talk.table().held_bytes(), 0U);
}

TEST(HeldRecords, JoinedMidwayAsAClient) {
  Conversation talk(Role::client, false);
  talk.position(Direction::received) = 1000;
  talk.position(Direction::sent) = 5000;
  talk.answer("rest of an answer");
  talk.send_late(kAsk1);
  talk.answer(kAnswer1);
  talk.deliver_late();
  talk.ask(kAsk2);
  talk.answer(kAnswer2);
  EXPECT_EQ(talk.summaries(), kBoth);
}

TEST(HeldRecords, OfAnUnknownRoleAreNotPairedWrongly) {
  Conversation talk(Role::unknown, false);
  talk.sent("rest of something");
  const std::string body = kAsk1;
  talk.send_late(body);
  talk.received(kAnswer1);
  talk.deliver_late();
  talk.sent(kAsk2);
  talk.received(kAnswer2);
  EXPECT_EQ(talk.summaries(), kSecond);
}

}  // namespace
}  // namespace beyla::protocols::session
