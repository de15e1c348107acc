#include <gtest/gtest.h>

#include "protocols/http2/grpc.h"
#include "protocols/http2/rich_talk.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http2 {
namespace {

using model::Role;
using session::Conversation;
using session::opposite;
using Summaries = std::vector<std::string>;

void play(Conversation& talk, const std::vector<Turn>& turns, std::size_t piece) {
  for (const Turn& turn : turns) {
    for (std::size_t at = 0; at < turn.bytes.size(); at += piece) {
      const std::string_view bytes = std::string_view(turn.bytes).substr(at, piece);
      turn.asks ? talk.ask(bytes) : talk.answer(bytes);
    }
  }
}

TEST(Http2Parser, UnderstandsWhateverTheCut) {
  const std::vector<Turn> turns = rich_talk();
  for (const Role role : {Role::server, Role::client}) {
    for (const std::size_t piece : {100000, 1, 2, 3, 7, 8, 9, 10, 23, 24, 25, 64}) {
      Conversation talk(role);
      play(talk, turns, piece);
      EXPECT_EQ(talk.summaries(), rich_summaries()) << piece;
      EXPECT_EQ(talk.sink.begun, rich_summaries().size() + 2) << piece;
      EXPECT_EQ(talk.sink.count(model::IncompleteReason::no_answer), 2U);
      EXPECT_EQ(talk.sink.in_flight(), 0U);
      EXPECT_EQ(talk.sink.unpaired, 0U);
      EXPECT_EQ(talk.sink.gaps, 0U);
    }
  }
}

TEST(Http2Parser, CutsAtEveryByteAreNoMatter) {
  const std::vector<Turn> turns = rich_talk();
  for (std::size_t cut_turn = 0; cut_turn < turns.size(); ++cut_turn) {
    for (std::size_t cut = 1; cut < turns[cut_turn].bytes.size(); ++cut) {
      std::vector<Turn> pieces = turns;
      Turn rest = pieces[cut_turn];
      rest.bytes.erase(0, cut);
      pieces[cut_turn].bytes.resize(cut);
      pieces.insert(pieces.begin() + static_cast<std::ptrdiff_t>(cut_turn) + 1, rest);
      Conversation talk;
      play(talk, pieces, std::string::npos);
      ASSERT_EQ(talk.summaries(), rich_summaries()) << cut_turn << ' ' << cut;
    }
  }
}

TEST(Http2Parser, TimesOfAServer) {
  Peer client;
  Peer server;
  Conversation talk;
  const std::string head = preface() + client.get(1, "/a");
  talk.ask(std::string_view(head).substr(0, head.size() - 3));
  const base::BootTime arrived = talk.now() - std::chrono::microseconds(1);
  talk.ask(std::string_view(head).substr(head.size() - 3));
  const base::BootTime received = talk.now();
  talk.answer(server.status(1, "200", false));
  const std::string body = data(1, "hello");
  talk.answer(std::string_view(body).substr(0, 11));
  talk.answer(std::string_view(body).substr(11));
  ASSERT_EQ(talk.sink.exchanges.size(), 1U);
  EXPECT_EQ(talk.sink.exchanges[0].arrival, arrived);
  EXPECT_EQ(talk.sink.exchanges[0].received, received);
  EXPECT_EQ(talk.sink.exchanges[0].end, talk.now());
  EXPECT_EQ(talk.sink.exchanges[0].server_name, "");
}

TEST(Http2Parser, TimesAndServerNameOfAClient) {
  Peer client;
  Peer server;
  Conversation talk(Role::client);
  talk.ask(preface());
  const std::string head = client.head(1, {{":method", "GET"},
                                           {":scheme", "http"},
                                           {":path", "/a"},
                                           {":authority", "user:pw@shop.example:81"}});
  talk.ask(std::string_view(head).substr(0, 4));
  const base::BootTime begun = talk.now();
  talk.ask(std::string_view(head).substr(4));
  talk.answer(settings() + server.status(1, "204"));
  ASSERT_EQ(talk.sink.exchanges.size(), 1U);
  EXPECT_EQ(talk.sink.exchanges[0].received, begun);
  EXPECT_EQ(talk.sink.exchanges[0].end, talk.now());
  EXPECT_EQ(talk.sink.exchanges[0].arrival, std::nullopt);
  EXPECT_EQ(talk.sink.exchanges[0].server_name, "shop.example:81");
}

TEST(Http2Parser, BodiesOfWhichTheMiddleIsNotCopied) {
  constexpr std::size_t kFrame = 16384;
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() +
           client.head(1, {{":method", "PUT"}, {":scheme", "http"}, {":path", "/up"}}, false));
  std::string upload = data(1, std::string(kFrame, 'u'), false);
  talk.record(talk.asking(), upload, 1024, 1024);
  upload = data(1, std::string(kFrame, 'u'), true);
  talk.record(talk.asking(), upload, 9, 0);
  std::string answer = server.status(1, "200", false) + data(1, std::string(kFrame, 'd'), false);
  talk.record(opposite(talk.asking()), answer, 1024, 1024);
  // Frames begin and end within a record of which the ends are there.
  answer = data(1, std::string(kFrame, 'd')) + server.status(3, "500");
  talk.ask(client.get(3, "/x"));
  talk.record(opposite(talk.asking()), answer, 1024, 1024);
  EXPECT_EQ(talk.summaries(), (Summaries{"PUT /up 200 32768", "GET /x 500 0"}));
}

// As the kernel tells of a call with frames, see src/probes/socket/frames.bpf.h.
TEST(Http2Parser, LongCallsInSeveralRecords) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(join({preface(), client.get(1, "/long"), client.get(3, "/other")}));
  talk.answer(settings());
  const std::string content(16'384, 'x');
  for (const std::uint32_t stream : {1U, 3U}) {
    const std::string head = server.status(stream, "200", false);
    const std::string first = head + data(stream, content, false);
    talk.record(model::Direction::sent, first, head.size() + kFrameHeaderBytes + 1, 0);
    const std::string last = data(stream, content);
    talk.record(model::Direction::sent, last, kFrameHeaderBytes, 0);
  }
  EXPECT_EQ(talk.summaries(), (Summaries{"GET /long 200 0", "GET /other 200 0"}));
  EXPECT_EQ(talk.sink.gaps, 0U);
}

// What the kernel is told of frames is what the parser knows of them.
TEST(Http2Parser, FramingIsThatOfItsFrames) {
  const model::FrameWalk* walk = framing();
  ASSERT_NE(walk, nullptr);
  EXPECT_EQ(walk->opening, kPreface);
  for (const FrameType type : {FrameType::data, FrameType::headers, FrameType::continuation}) {
    const std::string bytes = frame(type, 0, 1, std::string(300, 'x'));
    const auto at = [&bytes](std::uint32_t place) {
      return static_cast<std::uint8_t>(bytes[place]);
    };
    std::uint32_t length = 0;
    for (std::uint32_t i = 0; i < walk->length_bytes; ++i) {
      length = length << 8U | at(walk->length_at + i);
    }
    EXPECT_EQ(walk->header_bytes + length, bytes.size());
    EXPECT_EQ(at(walk->type_at), static_cast<std::uint8_t>(type));
    const bool wanted = (walk->wanted_types >> at(walk->type_at) & 1U) != 0;
    EXPECT_EQ(wanted, type != FrameType::data);
  }
}

TEST(Http2Parser, ServersMaySpeakFirst) {
  for (const Role role : {Role::server, Role::client}) {
    Peer client;
    Peer server;
    Conversation talk(role);
    talk.answer(settings());
    talk.answer(frame(FrameType::window_update, 0, 0, u32(9)));
    talk.ask(preface());
    talk.ask(client.get(1, "/a"));
    talk.answer(frame(FrameType::settings, kAck, 0, {}));
    talk.answer(server.status(1, "200", false) + data(1, "body"));
    talk.ask(client.get(3, "/b"));
    talk.close();
    EXPECT_EQ(talk.summaries(), Summaries{"GET /a 200 0"});
    EXPECT_EQ(talk.sink.count(model::IncompleteReason::no_answer), 1U);
  }
  Conversation other;
  other.answer("220 mail.example ESMTP");
  other.ask(preface());
  EXPECT_TRUE(other.policies.ignored());
}

TEST(Http2Parser, TunnelsAreOverWithTheirHead) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.head(1, {{":method", "CONNECT"}, {":authority", "db:5432"}}, false));
  talk.answer(settings() + server.status(1, "200", false));
  EXPECT_EQ(talk.summaries(), Summaries{"CONNECT db:5432 200 ?"});
  talk.ask(data(1, "bytes"));
  talk.answer(data(1, "bytes"));
  talk.close();
  EXPECT_EQ(talk.sink.begun, 1U);
  EXPECT_EQ(talk.sink.in_flight(), 0U);
}

TEST(Http2Parser, AnswersThatEndEarlyLeaveTheBodyUnknown) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() +
           client.head(1, {{":method", "POST"}, {":scheme", "http"}, {":path", "/a"}}, false) +
           data(1, "part", false));
  talk.answer(settings() + server.status(1, "413") + reset(1, 0));
  EXPECT_EQ(talk.summaries(), Summaries{"POST /a 413 ?"});
  EXPECT_EQ(talk.sink.in_flight(), 0U);
}

TEST(Http2Parser, ResetStreams) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(
      join({preface(), client.get(1, "/before"), client.get(3, "/within"), client.get(5, "/by")}));
  talk.answer(settings() + server.status(3, "200", false) + data(3, "x", false));
  const base::BootTime last = talk.now();
  talk.ask(reset(1, kErrorCancel) + reset(3, kErrorCancel));
  talk.answer(reset(5, kErrorRefusedStream) + server.status(1, "200") + data(3, "late"));
  // As of HTTP/1: a status that was sent counts.
  EXPECT_EQ(talk.summaries(), Summaries{"GET /within 200 0"});
  EXPECT_EQ(talk.sink.exchanges[0].end, last);
  EXPECT_EQ(talk.sink.count(model::IncompleteReason::no_answer), 2U);
  EXPECT_EQ(talk.sink.unpaired, 0U);
}

TEST(Http2Parser, StreamsAboveTheLastOfAGoaway) {
  Peer client;
  Peer server;
  Conversation talk(Role::client);
  talk.ask(join({preface(), client.get(1, "/a"), client.get(3, "/b"), client.call(5, "/s/M")}));
  talk.answer(settings() + goaway(0x7fffffff));
  EXPECT_EQ(talk.sink.in_flight(), 3U);
  talk.answer(goaway(1));
  EXPECT_EQ(talk.sink.count(model::IncompleteReason::no_answer), 1U);
  EXPECT_EQ(talk.summaries(), Summaries{"/s/M  14 ?"});
  talk.answer(server.status(1, "200"));
  EXPECT_EQ(talk.summaries().back(), "GET /a 200 0");
}

TEST(Http2Parser, HalfClosedConnections) {
  Peer client;
  Peer server;
  Conversation asking(Role::client);
  asking.ask(preface() + client.get(1, "/a"));
  asking.close_send();
  asking.answer(settings() + server.status(1, "200"));
  EXPECT_EQ(asking.summaries(), Summaries{"GET /a 200 0"});

  Peer other;
  Conversation serving;
  serving.ask(preface() + other.get(1, "/a"));
  serving.close_send();
  EXPECT_EQ(serving.sink.count(model::IncompleteReason::no_answer), 1U);
}

TEST(Http2Parser, TakesTheTraceParentOfTheRequest) {
  Peer client;
  Conversation talk;
  talk.ask(
      preface() +
      client.head(1, {{":method", "GET"},
                      {":scheme", "http"},
                      {":path", "/"},
                      {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}));
  ASSERT_TRUE(talk.sink.newest_begun.incoming);
  EXPECT_EQ(talk.sink.newest_begun.incoming->span_id[0], 0xb7);
}

}  // namespace
}  // namespace beyla::protocols::http2
