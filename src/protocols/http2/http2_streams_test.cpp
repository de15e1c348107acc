// Which header blocks are requests, and which answers end them.
#include <gtest/gtest.h>

#include "protocols/http2/http2_talk.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http2 {
namespace {

using model::IncompleteReason;
using session::Conversation;
using session::opposite;
using Summaries = std::vector<std::string>;

constexpr std::uint32_t kCancelled = 8;

TEST(Http2Streams, NumbersRise) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.get(3, "/a"));
  talk.answer(settings() + server.status(3, "200"));
  talk.ask(client.get(1, "/never") + client.get(3, "/never"));
  EXPECT_EQ(talk.sink.begun, 1U);
  talk.ask(client.get(5, "/b"));
  EXPECT_EQ(talk.sink.begun, 2U);
}

TEST(Http2Streams, OnlyServersUseEvenNumbers) {
  Peer client;
  Conversation talk;
  talk.ask(preface() + client.get(2, "/never") + client.get(3, "/a"));
  EXPECT_EQ(talk.sink.begun, 1U);
}

TEST(Http2Streams, TrailersOfAnOldRequestAreNone) {
  Peer client;
  Conversation talk(model::Role::server, false);
  talk.ask(client.head(5, {{"checksum", "1"}}) + client.get(7, "/a"));
  EXPECT_EQ(talk.sink.begun, 1U);
}

// RFC 9113 §8.1: malformed.
TEST(Http2Streams, InterimAnswersThatEndTheStream) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.get(1, "/a"));
  talk.answer(settings() + server.status(1, "103", false));
  EXPECT_EQ(talk.sink.in_flight(), 1U);
  talk.answer(server.status(1, "103", true));
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
  EXPECT_EQ(talk.sink.in_flight(), 0U);
}

TEST(Http2Streams, RefusedTunnelsEndWithTheirBody) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.head(1, {{":method", "CONNECT"}, {":authority", "a:1"}}, false));
  talk.answer(settings() + server.status(1, "407", false));
  EXPECT_EQ(talk.sink.exchanges.size(), 0U);
  talk.answer(data(1, "body"));
  EXPECT_EQ(talk.summaries(), Summaries{"CONNECT a:1 407 ?"});
}

TEST(Http2Streams, OfTwoPathsNobodyKnowsWhichCounts) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.head(1, {{":method", "GET"}, {":path", "/a"}, {":path", "/b"}}));
  talk.answer(settings() + server.status(1, "200"));
  EXPECT_EQ(talk.summaries(), Summaries{"GET  200 0"});
}

TEST(Http2Streams, StatusesHaveThreeDigitsAndBeginAtOneHundred) {
  for (const std::string_view status : {"099", "20", "2000", "2x0", "-20"}) {
    Peer client;
    Peer server;
    Conversation talk;
    talk.ask(preface() + client.get(1, "/a"));
    talk.answer(settings() + server.status(1, status));
    EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U) << status;
  }
}

TEST(Http2Streams, PromisesAreNoAnswers) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.get(1, "/a"));
  talk.answer(settings() + frame(FrameType::push_promise, kEndHeaders, 1,
                                 u32(2) + server.block({{":method", "GET"}, {":path", "/b"}})));
  talk.answer(reset(1, kCancelled));
  EXPECT_EQ(talk.sink.count(IncompleteReason::no_answer), 1U);
}

TEST(Http2Streams, AClientsGoawayIsAboutPushedStreams) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.get(1, "/a") + goaway(0));
  talk.answer(settings() + server.status(1, "200"));
  EXPECT_EQ(talk.summaries(), Summaries{"GET /a 200 0"});
}

// A server may reset what it has answered in full, and the end of that may be what was lost.
TEST(Http2Streams, ResetsBehindALoss) {
  for (const bool by_client : {false, true}) {
    Peer client;
    Peer server;
    Conversation talk;
    talk.ask(preface() + client.get(1, "/a"));
    talk.answer(settings() + server.status(1, "200", false));
    talk.lose(opposite(talk.asking()), 10);
    talk.answer(frame(FrameType::ping, 0, 0, "12345678"));
    by_client ? talk.ask(reset(1, kCancelled)) : talk.answer(reset(1, kCancelled));
    EXPECT_EQ(talk.sink.exchanges.size(), by_client ? 1U : 0U);
    EXPECT_EQ(talk.sink.count(IncompleteReason::gap), by_client ? 0U : 1U);
  }
}

}  // namespace
}  // namespace beyla::protocols::http2
