// RFC 9110 and RFC 9112, case by case, from both ends of the connection.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/http1/head_scanner.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http1 {
namespace {

using model::Direction;
using model::IncompleteReason;
using model::Role;
using session::Conversation;
using Lines = std::vector<std::string>;

const std::string kGet = "GET /a HTTP/1.1\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string kNone = "HTTP/1.1 204 X\r\n\r\n";

std::string numbered(int i) { return "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n"; }
std::string status(int i) {
  return "HTTP/1.1 " + std::to_string(i) + " X\r\nContent-Length: 1\r\n\r\nx";
}

class Http1Rules : public ::testing::TestWithParam<Role> {
 protected:
  Conversation talk_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(BothRoles, Http1Rules, ::testing::Values(Role::server, Role::client));

TEST_P(Http1Rules, PipelinedSixtyFourDeep) {
  std::string asks;
  std::string answers;
  Lines expected;
  for (int i = 300; i < 364; ++i) {
    if (i == 304) continue;  // has no body
    asks += numbered(i);
    answers += status(i);
    expected.push_back("GET /" + std::to_string(i) + ' ' + std::to_string(i) + " 0");
  }
  talk_.ask(asks);
  for (const char octet : answers) talk_.answer({&octet, 1});
  EXPECT_EQ(talk_.summaries(), expected);
}

TEST_P(Http1Rules, ManyInterimAnswers) {
  talk_.ask("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  talk_.answer("HTTP/1.1 100 C\r\n\r\n");
  talk_.answer("HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: l\r\n\r\nHTTP/1.1 103 E\r\n\r\n");
  talk_.ask("body");
  talk_.answer(kOk);
  EXPECT_EQ(talk_.summaries(), Lines{"POST /a 200 4"});
}

TEST_P(Http1Rules, ABodyThatIsNotWantedNeverComes) {
  talk_.ask("POST /a HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n");
  talk_.answer("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
  talk_.close();
  EXPECT_EQ(talk_.summaries(), Lines{"POST /a 417 ?"});
}

TEST_P(Http1Rules, ABodyThatIsCutOffHasNoSize) {
  talk_.ask("POST /a HTTP/1.1\r\nContent-Length: 400\r\n\r\nabc");
  talk_.answer("HTTP/1.1 400 No\r\n\r\nuntil close");
  talk_.close();
  EXPECT_EQ(talk_.summaries(), Lines{"POST /a 400 ?"});
}

TEST_P(Http1Rules, OnePointZeroWithAndWithoutKeepAlive) {
  talk_.ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  talk_.answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx");
  talk_.ask("GET /b HTTP/1.0\r\n\r\n");
  talk_.answer("HTTP/1.0 200 OK\r\n\r\nuntil ");
  talk_.answer("HTTP/1.1 404 in the body");
  talk_.close();
  EXPECT_EQ(talk_.summaries(), (Lines{"GET /a 200 0", "GET /b 200 0"}));
  EXPECT_EQ(talk_.sink.unpaired, 0U);
}

TEST_P(Http1Rules, UpgradeThatIsRefusedGoesOn) {
  talk_.ask("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  talk_.answer("HTTP/1.1 426 No\r\nContent-Length: 0\r\n\r\n");
  talk_.ask(kGet);
  talk_.answer(kOk);
  EXPECT_EQ(talk_.summaries(), (Lines{"GET /ws 426 0", "GET /a 200 0"}));
}

TEST_P(Http1Rules, WhatWaitsBehindAnUpgradeIsCounted) {
  talk_.ask("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\n\r\n" + kGet);
  talk_.answer("HTTP/1.1 101 X\r\n\r\n\x81\x05hello");
  EXPECT_EQ(talk_.summaries(), Lines{"GET /ws 101 0"});
  EXPECT_EQ(talk_.sink.count(IncompleteReason::no_answer), 1U);
  EXPECT_TRUE(talk_.policies.ignored());
}

TEST_P(Http1Rules, BytesBehindConnectEndItEvenIfItIsRefused) {
  talk_.ask("CONNECT h:443 HTTP/1.1\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n");
  talk_.answer("HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n");
  talk_.ask("GET /404 HTTP/1.1\r\n\r\n");
  talk_.answer("HTTP/1.1 500 hidden\r\nContent-Length: 0\r\n\r\n");
  talk_.close();
  EXPECT_EQ(talk_.summaries(), Lines{"CONNECT h:443 407 0"});
  EXPECT_TRUE(talk_.policies.ignored());
}

TEST_P(Http1Rules, ConflictingFramingIsTheLastThatIsBelieved) {
  for (const std::string fields :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: xchunked\r\n"}) {
    Conversation talk(GetParam());
    talk.ask(kGet + "POST /b HTTP/1.1\r\n" + fields +
             "\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n");
    talk.answer(kNone + kOk);
    talk.ask("GET /404 HTTP/1.1\r\n\r\n");
    talk.answer("HTTP/1.1 500 smuggled\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(talk.summaries(), (Lines{"GET /a 204 0", "POST /b 200 ?"})) << fields;
    EXPECT_TRUE(talk.policies.ignored());
    EXPECT_EQ(talk.table().counters().opaque_connections.value(), 1U);
  }
}

TEST_P(Http1Rules, ChunkedInOnePointZeroIsTheLastThatIsBelieved) {
  talk_.ask("POST /b HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kGet);
  talk_.answer(kOk + kNone);
  EXPECT_EQ(talk_.summaries(), Lines{"POST /b 200 ?"});
  EXPECT_TRUE(talk_.policies.ignored());
}

TEST_P(Http1Rules, ConflictingFramingOfAnAnswerIsTheLastThatIsBelieved) {
  talk_.ask(kGet + kGet);
  talk_.answer(
      "HTTP/1.1 201 X\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  talk_.answer(kOk);
  EXPECT_EQ(talk_.summaries(), Lines{"GET /a 201 0"});
  EXPECT_EQ(talk_.sink.incomplete[0] + talk_.sink.incomplete[1], 1U);
  EXPECT_TRUE(talk_.policies.ignored());
}

TEST_P(Http1Rules, TheAnswerToAnInvalidRequestIsNotTakenForAnother) {
  talk_.ask("POST /b HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n");
  talk_.ask("GET /200 HTTP/1.1\r\n\r\n");
  talk_.answer("HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n");
  talk_.answer(kOk);
  talk_.close();
  EXPECT_TRUE(talk_.summaries().empty());
}

TEST_P(Http1Rules, NorBehindOneThatWaits) {
  talk_.ask(kGet);
  talk_.ask("BAD\r\n\r\n");
  talk_.answer(kOk);
  talk_.ask("GET /200 HTTP/1.1\r\n\r\n");
  talk_.answer("HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n");
  talk_.close();
  EXPECT_EQ(talk_.summaries(), Lines{"GET /a 200 0"});
}

TEST_P(Http1Rules, HeadsUpToTheLimitInManyPieces) {
  constexpr std::string_view kStart = "GET /long HTTP/1.1\r\nCookie: ";
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::string head = std::string(kStart) +
                           std::string(kMaxHeadBytes - kStart.size() - kEnd.size(), 'c') +
                           std::string(kEnd);
  constexpr std::size_t kPiece = 400;  // over 32 of them
  for (std::size_t at = 0; at < head.size(); at += kPiece) talk_.ask(head.substr(at, kPiece));
  talk_.answer(kNone);
  talk_.ask(head);
  talk_.answer(kNone);
  talk_.ask("GET /longer HTTP/1.1\r\nA: b\r\n" + head.substr(kStart.find('\n') + 1));
  talk_.answer(kNone);
  talk_.ask(kGet);
  talk_.answer(kNone);
  EXPECT_EQ(talk_.summaries(),
            (Lines{"GET /long 204 0", "GET /long 204 0", "GET /longer 204 ?", "GET /a 204 0"}));
}

TEST_P(Http1Rules, AGibibyteThatNobodyCopied) {
  constexpr std::size_t kPart = std::size_t{1} << 28U;
  const auto answers = session::opposite(talk_.asking());
  talk_.ask("PUT /up HTTP/1.1\r\nContent-Length: 1073741824\r\n\r\n");
  for (int i = 0; i < 4; ++i) talk_.uncopied(talk_.asking(), kPart);
  talk_.answer("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
  for (int i = 0; i < 4; ++i) talk_.uncopied(answers, kPart);
  talk_.ask(kGet);
  talk_.answer(kNone);
  EXPECT_EQ(talk_.summaries(), (Lines{"PUT /up 200 1073741824", "GET /a 204 0"}));
}

TEST_P(Http1Rules, AbortedAtEveryStage) {
  const std::string ask = "POST /b HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody";
  const std::size_t head_end = ask.find("\r\n\r\n") + 4;
  const std::size_t status_end = answer.find('\n') + 1;
  for (std::size_t cut = 1; cut < ask.size() + answer.size(); ++cut) {
    Conversation talk(GetParam());
    talk.ask(ask.substr(0, cut));
    if (cut > ask.size()) talk.answer(answer.substr(0, cut - ask.size()));
    talk.close();
    const bool answered = cut >= ask.size() + status_end;
    EXPECT_EQ(talk.sink.exchanges.size(), answered ? 1U : 0U) << cut;
    const std::size_t incomplete = talk.sink.incomplete[0] + talk.sink.incomplete[1];
    EXPECT_EQ(incomplete, cut >= head_end && !answered ? 1U : 0U) << cut;
  }
}

TEST_P(Http1Rules, TheEndOfAMethodIsNoMethod) {
  Conversation joined(GetParam(), false);
  joined.ask("ET /a HTTP/1.1\r\n\r\n");
  joined.answer(kOk);
  joined.ask("GET /b HTTP/1.1\r\n\r\n");
  joined.answer(kOk);
  EXPECT_EQ(joined.summaries(), Lines{"GET /b 200 0"});
}

TEST_P(Http1Rules, ARequestThatCameBeforeAnAnswerEndedIsPipelined) {
  talk_.ask("GET /201 HTTP/1.1\r\n\r\n");
  talk_.answer("HTTP/1.1 201 X\r\nContent-Length: 4\r\n\r\nbo");
  talk_.ask("GET /202 HTTP/1.1\r\n\r\n");
  talk_.answer("dy");
  talk_.answer("HTTP/1.1 202 X\r\nContent-Length: 0\r\n\r\n");
  talk_.lose(talk_.asking(), 20);
  talk_.ask("GET /204 HTTP/1.1\r\n\r\n");
  talk_.answer("HTTP/1.1 203 X\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(talk_.summaries(), (Lines{"GET /201 201 0", "GET /202 202 0"}));
}

TEST(Http1Parser, TwoEmptyLinesMayComeBeforeTheFirstRequest) {
  const struct {
    std::vector<std::string> pieces;
    bool known;
  } cases[] = {{{"\r\nGET /a HTTP/1.1\r\n\r\n"}, true},
               {{"\r", "\n\r\n", "G", "ET /a HTTP/1.1\r\n\r\n"}, true},
               {{"\n\nGET /a HTTP/1.1\r\n\r\n"}, true},
               {{"\r\n\r\n", "\r\n", "GET /a HTTP/1.1\r\n\r\n"}, false}};
  for (const auto& [pieces, known] : cases) {
    Conversation talk;
    for (const std::string& piece : pieces) talk.ask(piece);
    talk.answer("HTTP/1.1 204 X\r\n\r\n");
    EXPECT_EQ(talk.summaries(), known ? Lines{"GET /a 204 0"} : Lines{}) << pieces.front();
    EXPECT_EQ(talk.policies.ignored(), !known);
  }
}

}  // namespace
}  // namespace beyla::protocols::http1
