#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/session/conversation.h"

namespace beyla::protocols::http1 {
namespace {

using model::Direction;
using model::IncompleteReason;
using model::Role;
using session::Conversation;
using Lines = std::vector<std::string>;

const std::string kGet = "GET /a?q HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(Http1Client, TimesRunFromTheFirstByteToTheLast) {
  Conversation talk(Role::client);
  talk.sent(kGet.substr(0, 5));
  const auto begun = talk.now();
  talk.sent(kGet.substr(5));
  talk.received(kOk.substr(0, 30));
  talk.received(kOk.substr(30));
  const auto end = talk.now();
  talk.close_send();
  talk.close();
  ASSERT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
  const auto& exchange = talk.sink.exchanges[0];
  EXPECT_EQ(exchange.role, Role::client);
  EXPECT_FALSE(exchange.arrival);
  EXPECT_EQ(exchange.received, begun);
  EXPECT_EQ(exchange.end, end);
}

TEST(Http1Client, TheProcessIsTheOneThatAsked) {
  Conversation talk(Role::client);
  model::StreamData ask;
  ask.connection = Conversation::kId;
  ask.direction = Direction::sent;
  ask.process.pid = 42;
  ask.total_bytes = static_cast<std::uint32_t>(kGet.size());
  ask.head = base::as_bytes(kGet);
  talk.table().on_data(ask);
  talk.position(Direction::sent) = kGet.size();
  talk.answer(kOk);
  ASSERT_EQ(talk.sink.exchanges.size(), 1U);
  EXPECT_EQ(talk.sink.exchanges[0].process.pid, 42U);
}

TEST(Http1Client, AClosedSendSideDoesNotEndTheAnswer) {
  Conversation talk(Role::client);
  talk.ask(kGet);
  talk.close_send();
  talk.answer("HTTP/1.0 200 OK\r\n\r\nuntil");
  talk.answer("close");
  const auto end = talk.now();
  EXPECT_TRUE(talk.summaries().empty());
  talk.close();
  ASSERT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
  EXPECT_EQ(talk.sink.exchanges[0].end, end);
}

TEST(Http1Client, AnIdleTimeoutOfTheServerIsUnpaired) {
  Conversation talk(Role::client);
  talk.ask(kGet);
  talk.answer(kOk);
  talk.answer("HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n");
  talk.close();
  EXPECT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
  EXPECT_EQ(talk.sink.unpaired, 1U);
}

TEST(Http1Client, ASplicedAnswerIsNoGap) {
  Conversation talk(Role::client);
  talk.ask(kGet);
  talk.answer("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
  talk.lose(Direction::received, 100000);  // socket to pipe: no record
  talk.ask(kGet);
  talk.answer(kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"GET /a 200 0", "GET /a 200 0"}));
  EXPECT_EQ(talk.sink.gaps, 0U);
}

TEST(Http1Client, ASplicedUploadIsNoGapForTheServer) {
  Conversation talk(Role::server);
  talk.ask("POST /up HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
  talk.lose(Direction::received, 100000);
  talk.answer(kOk);
  talk.ask(kGet);
  talk.answer(kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"POST /up 200 100000", "GET /a 200 0"}));
  EXPECT_EQ(talk.sink.gaps, 0U);
}

TEST(Http1Client, ALateRecordBehindALostAnswerIsNotPairedWithTheNextAnswer) {
  Conversation talk(Role::client);
  const std::string late = "GET /202 HTTP/1.1\r\n\r\n";
  talk.ask("GET /201 HTTP/1.1\r\n\r\n");
  talk.lose(Direction::received, 30);
  talk.answer("rest of a body");
  talk.send_late(late);
  talk.lose(Direction::received, kOk.size());
  talk.deliver_late();  // says a position behind its answer
  talk.ask("GET /203 HTTP/1.1\r\n\r\n");
  talk.answer("HTTP/1.1 203 X\r\nContent-Length: 0\r\n\r\n");
  talk.close();
  EXPECT_TRUE(talk.summaries().empty());
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 3U);
}

TEST(Http1Client, ProxyTunnel) {
  Conversation talk(Role::client);
  talk.ask("CONNECT h:443 HTTP/1.1\r\n\r\n");
  talk.answer("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(talk.summaries(), Lines{"CONNECT h:443 200 0"});
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(Http1Client, AReadOnlyUseOfTheSocketSpeaksNothing) {
  Conversation talk(Role::client);
  talk.answer("SSH-2.0-x\r\n");
  EXPECT_TRUE(talk.policies.ignored());
}

}  // namespace
}  // namespace beyla::protocols::http1
