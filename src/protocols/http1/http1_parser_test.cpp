#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/session/conversation.h"

namespace beyla::protocols::http1 {
namespace {

using model::Direction;
using model::IncompleteReason;
using session::Conversation;
using Lines = std::vector<std::string>;

const std::string kGet = "GET /a?q HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

void byte_by_byte(Conversation& talk, Direction direction, std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) talk.record(direction, text.substr(i, 1), 1, 0);
}

TEST(Http1Parser, PairsARequestWithItsAnswer) {
  Conversation talk;
  talk.received(kGet);
  const auto received = talk.now();
  talk.sent(kOk);
  ASSERT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
  const auto& exchange = talk.sink.exchanges[0];
  EXPECT_EQ(exchange.connection, Conversation::kId);
  EXPECT_EQ(exchange.role, model::Role::server);
  EXPECT_EQ(exchange.received, received);
  EXPECT_EQ(exchange.arrival, received - std::chrono::microseconds(1));
  EXPECT_EQ(exchange.end, talk.now());
}

TEST(Http1Parser, KeepsAlive) {
  Conversation talk;
  for (int i = 0; i < 100; ++i) {
    talk.received("PUT /" + std::to_string(i) + " HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc");
    talk.sent("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  }
  ASSERT_EQ(talk.sink.exchanges.size(), 100U);
  EXPECT_EQ(talk.summaries()[99], "PUT /99 201 3");
  EXPECT_EQ(talk.sink.unpaired, 0U);
}

TEST(Http1Parser, PairsPipelinedRequestsInOrder) {
  Conversation talk;
  talk.received("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
  talk.sent(kOk + "HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\n" + kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"GET /1 200 0", "HEAD /2 404 0", "GET /3 200 0"}));
}

TEST(Http1Parser, ReadsByteByByte) {
  Conversation talk;
  byte_by_byte(talk, Direction::received, kGet);
  const auto received = talk.now();
  byte_by_byte(talk, Direction::sent, kOk);
  byte_by_byte(talk, Direction::received, kGet);
  byte_by_byte(talk, Direction::sent, kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"GET /a 200 0", "GET /a 200 0"}));
  EXPECT_EQ(talk.sink.exchanges[0].received, received);
  EXPECT_LT(*talk.sink.exchanges[0].arrival, base::BootTime{std::chrono::milliseconds(2)});
}

TEST(Http1Parser, GoReadsOneByteAhead) {
  Conversation talk;
  talk.received("G");
  talk.received(kGet.substr(1));
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
}

TEST(Http1Parser, AnswersWithoutBody) {
  for (const std::string status : {"204", "304"}) {
    Conversation talk;
    talk.received(kGet);
    talk.sent("HTTP/1.1 " + status + " X\r\nContent-Length: 50\r\n\r\n");
    talk.received(kGet);
    talk.sent(kOk);
    EXPECT_EQ(talk.summaries(), (Lines{"GET /a " + status + " 0", "GET /a 200 0"}));
  }
}

TEST(Http1Parser, InterimAnswersAreNotTheAnswer) {
  Conversation talk;
  talk.received("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  talk.sent("HTTP/1.1 100 Continue\r\n\r\n");
  talk.received("body");
  talk.sent("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kOk);
  EXPECT_EQ(talk.summaries(), Lines{"POST / 200 4"});
}

TEST(Http1Parser, WalksChunksBothWays) {
  Conversation talk;
  talk.received("POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n0\r\n\r\n5678\r\n");
  talk.received("1;x\r\na\r\n0\r\nT: v\r\n\r\n" + kGet);
  talk.sent("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n");
  EXPECT_TRUE(talk.summaries().empty());
  talk.sent("0\r\nT: v\r\n\r\n");
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"POST /c 200 10", "GET /a 200 0"}));
}

TEST(Http1Parser, CloseDelimitedEndsWithTheLastSend) {
  Conversation talk;
  talk.received(kGet);
  talk.sent("HTTP/1.0 200 OK\r\n\r\nabc");
  talk.sent("def");
  const auto end = talk.now();
  EXPECT_TRUE(talk.summaries().empty());
  talk.close_send();
  ASSERT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
  EXPECT_EQ(talk.sink.exchanges[0].end, end);
  talk.close();
  EXPECT_EQ(talk.sink.exchanges.size(), 1U);
}

TEST(Http1Parser, AnAnswerThatDiedStillCounts) {
  Conversation talk;
  talk.received(kGet);
  talk.sent("HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nabc");
  const auto end = talk.now();
  talk.close();
  ASSERT_EQ(talk.summaries(), Lines{"GET /a 500 0"});
  EXPECT_EQ(talk.sink.exchanges[0].end, end);
}

TEST(Http1Parser, NoAnswerIsCounted) {
  Conversation talk;
  talk.received(kGet + kGet);
  talk.close();
  EXPECT_EQ(talk.sink.count(IncompleteReason::no_answer), 2U);
}

TEST(Http1Parser, AnAnswerWithoutRequestIsUnpairedOnce) {
  Conversation talk;
  talk.received(kGet);
  talk.sent(kOk);
  talk.sent("HTTP/1.1 408 Timeout\r\n\r\n");
  talk.sent("more of it");
  EXPECT_EQ(talk.sink.unpaired, 1U);
  talk.received("GET /b HTTP/1.1\r\n\r\n");
  talk.sent("HTTP/1.1 204 X\r\n\r\n");
  EXPECT_EQ(talk.summaries(), (Lines{"GET /a 200 0", "GET /b 204 0"}));
}

TEST(Http1Parser, ATruncatedRequestHeadCounts) {
  Conversation talk;
  const std::string head = "GET /long HTTP/1.1\r\nCookie: " + std::string(5000, 'c') + "\r\n\r\n";
  talk.record(Direction::received, head, 4096, 4);
  talk.sent(kOk);
  talk.received(kGet);
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"GET /long 200 ?", "GET /a 200 0"}));
}

TEST(Http1Parser, AHeadOverTheLimitCountsAsTruncated) {
  Conversation talk;
  talk.received("GET /long HTTP/1.1\r\nCookie: " + std::string(20000, 'c') + "\r\n\r\n");
  talk.sent(kOk);
  talk.received(kGet);
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"GET /long 200 ?", "GET /a 200 0"}));
}

TEST(Http1Parser, SendfileBodiesAreHoles) {
  Conversation talk;
  talk.received(kGet);
  talk.sent("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
  talk.uncopied(Direction::sent, 60000);
  EXPECT_TRUE(talk.summaries().empty());
  talk.uncopied(Direction::sent, 40000);
  ASSERT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
  EXPECT_EQ(talk.sink.exchanges[0].end, talk.now());
}

TEST(Http1Parser, ATruncatedAnswerHeadEndsAtTheNextRequest) {
  Conversation talk;
  talk.received(kGet);
  const std::string head =
      "HTTP/1.1 200 OK\r\nSet-Cookie: " + std::string(3000, 'c') + "\r\n\r\nok";
  talk.record(Direction::sent, head, 1024, 0);
  talk.uncopied(Direction::sent, 500);
  const auto end = talk.now();
  EXPECT_TRUE(talk.summaries().empty());
  talk.received("GET /b HTTP/1.1\r\n\r\n");
  ASSERT_EQ(talk.summaries(), Lines{"GET /a 200 0"});
  EXPECT_EQ(talk.sink.exchanges[0].end, end);
  talk.sent("HTTP/1.1 204 X\r\n\r\n");
  EXPECT_EQ(talk.summaries()[1], "GET /b 204 0");
}

TEST(Http1Parser, AnUploadThatIsNotCopiedKeepsItsSize) {
  Conversation talk;
  const std::string head = "POST /up HTTP/1.1\r\nContent-Length: 90000\r\n\r\n";
  talk.record(Direction::received, head + std::string(80000, 'x'), 4096, 0);
  talk.uncopied(Direction::received, 10000);
  talk.sent(kOk);
  talk.received(kGet);
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"POST /up 200 90000", "GET /a 200 0"}));
}

TEST(Http1Parser, AChunkedUploadThatIsNotCopiedLosesOnlyItsSize) {
  Conversation talk;
  talk.received("POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nxyz");
  talk.uncopied(Direction::received, 50000);
  talk.received("GET /fake HTTP/1.1\r\n\r\n");  // still its body: nothing was sent yet
  talk.received("\r\n0\r\n\r\n");
  talk.sent(kOk);
  talk.received(kGet);
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), (Lines{"POST /up 200 ?", "GET /a 200 0"}));
}

TEST(Http1Parser, UpgradeAndConnectEndIt) {
  Conversation upgrade;
  upgrade.received("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\n\r\n");
  upgrade.sent("HTTP/1.1 101 Switching\r\n\r\n\x81\x05hello");
  EXPECT_EQ(upgrade.summaries(), Lines{"GET /ws 101 0"});
  EXPECT_TRUE(upgrade.policies.ignored());
  Conversation tunnel;
  tunnel.received("CONNECT h:443 HTTP/1.1\r\n\r\n");
  tunnel.sent("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_EQ(tunnel.summaries(), Lines{"CONNECT h:443 200 0"});
  EXPECT_TRUE(tunnel.policies.ignored());
  Conversation refused;
  refused.received("CONNECT h:443 HTTP/1.1\r\n\r\n");
  refused.sent("HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n");
  refused.received(kGet);
  refused.sent(kOk);
  EXPECT_EQ(refused.summaries(), (Lines{"CONNECT h:443 407 0", "GET /a 200 0"}));
}

TEST(Http1Parser, UnregisteredMethodsAreOther) {
  Conversation talk;
  talk.received("PROPFIND /dav HTTP/1.1\r\n\r\n");
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), Lines{"_OTHER /dav 200 0"});
}

TEST(Http1Parser, PathsAreCapped) {
  Conversation talk;
  talk.received("GET /" + std::string(3000, 'p') + " HTTP/1.1\r\n\r\n");
  talk.sent(kOk);
  EXPECT_EQ(talk.sink.exchanges.at(0).semantics.target.size(), 1024U);
}

TEST(Http1Parser, TooManyPendingEndIt) {
  Conversation talk;
  for (int i = 0; i < 1025; ++i) talk.received(kGet);
  EXPECT_EQ(talk.sink.count(IncompleteReason::limit), 1025U);
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(Http1Parser, GarbageEndsIt) {
  Conversation talk;
  talk.received("GET / nothing\r\n\r\n");
  talk.received("GET / nothing\r\n\r\n");
  EXPECT_FALSE(talk.policies.ignored());
  talk.received("GET / nothing\r\n\r\n");
  EXPECT_TRUE(talk.policies.ignored());
}

}  // namespace
}  // namespace beyla::protocols::http1
