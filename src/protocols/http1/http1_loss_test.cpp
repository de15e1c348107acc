// What is lost must never make a wrong pair: each request here has an answer with a status of its
// own, so that a wrong pair shows.
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

std::string ask(const std::string& path) { return "GET /" + path + " HTTP/1.1\r\n\r\n"; }
std::string answer(const std::string& status) {
  return "HTTP/1.1 " + status + " X\r\nContent-Length: 4\r\n\r\nbody";
}

TEST(Http1Loss, InsideABodyIsHarmless) {
  Conversation talk;
  talk.received("POST /201 HTTP/1.1\r\nContent-Length: 10\r\n\r\n12");
  talk.lose(Direction::received, 6);
  talk.received("90");
  talk.sent("HTTP/1.1 201 X\r\nContent-Length: 10\r\n\r\n12");
  talk.lose(Direction::sent, 6);
  talk.sent("90");
  talk.received(ask("202"));
  talk.sent(answer("202"));
  EXPECT_EQ(talk.summaries(), (Lines{"POST /201 201 10", "GET /202 202 0"}));
  EXPECT_EQ(talk.sink.gaps, 1U);  // every send makes a record; a splice from a socket makes none
}

TEST(Http1Loss, InsideAChunkIsHarmless) {
  Conversation talk;
  talk.received(ask("201"));
  talk.sent("HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nab");
  talk.lose(Direction::sent, 12);
  talk.sent("cd\r\n0\r\n\r\n");
  talk.received(ask("202"));
  talk.sent(answer("202"));
  EXPECT_EQ(talk.summaries(), (Lines{"GET /201 201 0", "GET /202 202 0"}));
}

TEST(Http1Loss, ALostRequestLeavesItsAnswerUnpaired) {
  Conversation talk;
  talk.received(ask("201"));
  talk.sent(answer("201"));
  talk.lose(Direction::received, ask("202").size());
  talk.sent(answer("202"));
  talk.received(ask("203"));
  talk.sent(answer("203"));
  EXPECT_EQ(talk.summaries(), (Lines{"GET /201 201 0", "GET /203 203 0"}));
  EXPECT_EQ(talk.sink.unpaired, 1U);
}

TEST(Http1Loss, ALostAnswerDropsItsRequest) {
  Conversation talk;
  talk.received(ask("201"));
  talk.lose(Direction::sent, answer("201").size());
  talk.received(ask("202"));
  talk.sent(answer("202"));
  EXPECT_EQ(talk.summaries(), Lines{"GET /202 202 0"});
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
}

TEST(Http1Loss, LostAnswerAndLostRequestBehindIt) {
  Conversation talk;
  talk.received(ask("201"));
  talk.lose(Direction::sent, answer("201").size());
  talk.lose(Direction::received, ask("202").size());
  talk.sent(answer("202"));
  talk.received(ask("203"));
  talk.sent(answer("203"));
  EXPECT_EQ(talk.summaries(), Lines{"GET /203 203 0"});
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
}

TEST(Http1Loss, WholeExchangesLost) {
  Conversation talk;
  talk.received(ask("201"));
  talk.sent(answer("201"));
  talk.lose(Direction::received, 2 * ask("202").size());
  talk.lose(Direction::sent, 2 * answer("202").size());
  talk.received(ask("204"));
  talk.sent(answer("205"));
  EXPECT_EQ(talk.summaries(), (Lines{"GET /201 201 0", "GET /204 205 0"}));
}

TEST(Http1Loss, TheHeadOfAnAnswerIsLost) {
  Conversation talk;
  talk.received(ask("201"));
  talk.lose(Direction::sent, 30);
  talk.sent("the rest of the body");
  talk.received(ask("202"));
  talk.sent(answer("202"));
  EXPECT_EQ(talk.summaries(), Lines{"GET /202 202 0"});
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
}

TEST(Http1Loss, AnInterimAnswerIsLost) {
  Conversation talk;
  talk.received("POST /201 HTTP/1.1\r\nContent-Length: 1\r\n\r\n");
  talk.lose(Direction::sent, 25);
  talk.received("x");
  talk.sent(answer("201"));
  EXPECT_EQ(talk.summaries(), Lines{"POST /201 201 1"});
}

TEST(Http1Loss, TheEndOfABodyAndTheNextAnswerAreLost) {
  Conversation talk;
  talk.received(ask("201"));
  talk.sent("HTTP/1.1 201 X\r\nContent-Length: 10\r\n\r\n12345");
  talk.lose(Direction::sent, 5);
  talk.received(ask("202"));
  talk.lose(Direction::sent, answer("202").size());
  talk.received(ask("203"));
  talk.sent(answer("203"));
  EXPECT_EQ(talk.summaries(), (Lines{"GET /201 201 0", "GET /203 203 0"}));
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
}

TEST(Http1Loss, PipeliningEndsWithALostAnswer) {
  Conversation talk;
  talk.received(ask("201") + ask("202") + ask("203"));
  talk.lose(Direction::sent, answer("201").size());
  talk.sent(answer("202"));
  talk.sent(answer("203"));
  EXPECT_TRUE(talk.summaries().empty());
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 3U);
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(Http1Loss, PipeliningEndsWithALostRequest) {
  Conversation talk;
  talk.received(ask("201") + ask("202"));
  talk.lose(Direction::received, ask("203").size());
  talk.received(ask("204"));
  talk.sent(answer("201") + answer("202") + answer("203") + answer("204"));
  EXPECT_TRUE(talk.summaries().empty());
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(Http1Loss, ARequestPipelinedBehindALostOneIsNotBelieved) {
  Conversation talk;
  talk.received(ask("201"));
  talk.sent(answer("201"));
  talk.lose(Direction::received, ask("202").size());
  talk.received(ask("203"));
  talk.sent(answer("202") + answer("203"));
  EXPECT_EQ(talk.summaries(), Lines{"GET /201 201 0"});
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(Http1Loss, LossBehindATruncatedRequest) {
  Conversation talk;
  const std::string head = "GET /201 HTTP/1.1\r\nCookie: " + std::string(5000, 'c') + "\r\n\r\n";
  talk.record(Direction::received, head, 4096, 0);
  talk.lose(Direction::sent, answer("201").size());
  talk.received(ask("202"));
  talk.sent(answer("202"));
  talk.received(ask("203"));
  talk.sent(answer("203"));
  // What was lost may have been an interim answer, and what follows content.
  EXPECT_EQ(talk.summaries(), Lines{"GET /203 203 0"});
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
}

TEST(Http1Loss, ALostBodyEndWithTheRequestBehindIt) {
  Conversation talk;
  talk.received("POST /201 HTTP/1.1\r\nContent-Length: 10\r\n\r\n12");
  talk.lose(Direction::received, 8 + ask("202").size());
  talk.received(ask("203"));
  talk.sent(answer("201") + answer("202") + answer("203"));
  EXPECT_TRUE(talk.summaries().empty());
}

TEST(Http1Loss, JoinedMidwayIgnoresTheAnswerInProgress) {
  Conversation talk(model::Role::server, false);
  talk.position(Direction::received) = 1000;
  talk.position(Direction::sent) = 5000;
  talk.sent("rest of a body HTTP/1.1");
  talk.received("rest of a request");
  talk.sent(answer("201"));
  talk.received(ask("202"));
  talk.sent(answer("202"));
  EXPECT_EQ(talk.summaries(), Lines{"GET /202 202 0"});
  EXPECT_EQ(talk.sink.unpaired, 0U);
  EXPECT_EQ(talk.sink.gaps, 0U);
}

TEST(Http1Loss, JoinedMidwayWithTheFirstAnswerLost) {
  Conversation talk(model::Role::server, false);
  talk.position(Direction::received) = 1000;
  talk.position(Direction::sent) = 5000;
  talk.received(ask("201"));
  talk.lose(Direction::sent, answer("201").size());
  talk.received(ask("202"));
  talk.sent(answer("202"));
  EXPECT_EQ(talk.summaries(), Lines{"GET /202 202 0"});
  EXPECT_EQ(talk.sink.gaps, 1U);
}

}  // namespace
}  // namespace beyla::protocols::http1
