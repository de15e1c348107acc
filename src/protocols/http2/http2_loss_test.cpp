// What is lost, comes too late or breaks the rules: nothing is ever said wrongly.
#include <gtest/gtest.h>

#include <random>

#include "protocols/http2/http2_parser.h"
#include "protocols/http2/http2_talk.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http2 {
namespace {

using model::IncompleteReason;
using model::Role;
using session::Conversation;
using session::opposite;
using Summaries = std::vector<std::string>;

std::string path_of(std::uint32_t stream) { return "/path/" + std::to_string(stream); }

TEST(Http2Loss, JoinsMidway) {
  for (const Role role : {Role::server, Role::client}) {
    Peer client;
    Peer server;
    for (std::uint32_t stream = 1; stream < 200; stream += 2) {
      static_cast<void>(client.get(stream, "/old"));
      static_cast<void>(server.status(stream, "207"));
    }
    Conversation talk(role, false);
    talk.position(talk.asking()) = 1000;
    talk.position(opposite(talk.asking())) = 2000;
    talk.answer(server.status(199, "200"));  // to what was asked before we came
    talk.ask(client.get(201, "/old"));
    talk.answer(server.status(201, "200"));
    talk.ask(client.get(203, "/new"));
    talk.answer(server.status(203, "404"));
    talk.ask(client.get(205, "/new"));
    talk.answer(server.status(205, "200"));
    talk.ask(client.get(207, "/new"));
    talk.answer(server.status(207, "207"));  // an entry of before
    EXPECT_EQ(talk.summaries(), (Summaries{"GET  200 0", "GET /new 404 0", "GET /new 200 0"}));
    EXPECT_TRUE(talk.sink.exchanges[0].semantics.is_partly_unknown);
    EXPECT_FALSE(talk.sink.exchanges[1].semantics.is_partly_unknown);
    EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
    EXPECT_EQ(talk.sink.unpaired, 0U);
  }
}

TEST(Http2Loss, JoinsWhereARecordBeginsWithFrames) {
  Peer client;
  Peer server;
  Conversation talk(Role::server, false);
  talk.ask(std::string(3000, 'x'));
  talk.ask(std::string("\0\0\x09\x00\x00\0\0\0\x01middle of", 18));  // one header proves nothing
  EXPECT_EQ(talk.sink.begun, 0U);
  talk.ask(data(1, "end of an upload") + client.get(3, "/a"));
  talk.answer(server.status(3, "200"));
  EXPECT_EQ(talk.summaries(), Summaries{"GET /a 200 0"});
}

TEST(Http2Loss, OldCallsAreNotTakenForPosts) {
  Peer client;
  Peer server;
  const auto trailers = [&server](std::uint32_t stream) {
    return join(
        {server.head(stream, {{":status", "200"}, {"content-type", "application/grpc"}}, false),
         data(stream, "answer", false), server.head(stream, {{"grpc-status", "0"}})});
  };
  static_cast<void>(client.call(1, "/p.S/M"));
  static_cast<void>(trailers(1));
  Conversation talk(Role::server, false);
  talk.ask(client.call(3, "/p.S/M") + data(3, "x"));
  talk.answer(trailers(3));
  EXPECT_TRUE(talk.sink.exchanges.empty());
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
  // What is new shows what it is, by and by.
  talk.ask(client.call(5, "/p.S/New") + data(5, "x"));
  talk.answer(
      join({server.head(5, {{":status", "200"}, {"content-type", "application/grpc+x"}}, false),
            server.head(5, {{"grpc-status", "5"}})}));
  EXPECT_EQ(talk.summaries(), Summaries{"/p.S/New  5 1"});
}

TEST(Http2Loss, FindsFramesAgain) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface() + client.get(1, "/a"));
  talk.lose(talk.asking(), client.get(3, "/b").size());
  talk.ask(client.get(5, "/b"));
  talk.ask(client.get(7, "/c"));
  talk.answer(join({settings(), server.status(1, "200"), server.status(3, "200"),
                    server.status(5, "200"), server.status(7, "200")}));
  EXPECT_EQ(talk.summaries(), (Summaries{"GET /a 200 0", "GET  200 0", "GET /c 200 0"}));
  EXPECT_EQ(talk.sink.gaps, 1U);
}

TEST(Http2Loss, LostRequestsLeaveTheirAnswersUnpaired) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface());
  talk.lose(talk.asking(), client.get(1, "/b").size());
  talk.ask(frame(FrameType::ping, 0, 0, "12345678"));
  talk.answer(settings() + server.status(1, "200"));
  EXPECT_EQ(talk.sink.unpaired, 1U);
}

TEST(Http2Loss, AnswersThatPassUnseen) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(join({preface(), client.get(1, "/a"), client.get(3, "/b")}));
  talk.answer(settings());
  talk.lose(opposite(talk.asking()), server.status(1, "200").size());
  talk.answer(server.status(3, "200"));
  talk.ask(client.get(5, "/c"));
  talk.answer(server.status(5, "500"));
  talk.close();
  EXPECT_EQ(talk.summaries(), (Summaries{"GET /b 200 0", "GET /c 500 0"}));
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);
}

TEST(Http2Loss, HeadsInHoles) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface());
  // A frame follows at a known place.
  const std::string head = client.get(1, "/a");
  const std::string next = client.get(3, "/a");
  talk.record(talk.asking(), head + next, 12, next.size());
  talk.answer(join({settings(), server.status(1, "200"), server.status(3, "404")}));
  EXPECT_EQ(talk.summaries(), (Summaries{"_OTHER  200 0", "GET  404 0"}));
  EXPECT_TRUE(talk.sink.exchanges[0].semantics.is_partly_unknown);
}

TEST(Http2Loss, UnreadableGarbageIsGivenUp) {
  Peer client;
  Conversation talk;
  talk.ask(preface() + client.get(1, "/a"));
  const std::string wrong = frame(FrameType::ping, 0, 0, "short");
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(talk.policies.ignored());
    talk.ask(frame(FrameType::ping, 0, 0, "12345678") +
             frame(FrameType::ping, kAck, 0, "12345678"));
    talk.ask(wrong);
  }
  EXPECT_TRUE(talk.policies.ignored());
  EXPECT_EQ(talk.sink.count(IncompleteReason::gap), 1U);

  Conversation silent;
  silent.ask(preface() + wrong);
  for (std::size_t i = 0; i < 2 * kMaxMisses; ++i) silent.ask("garbage");
  EXPECT_TRUE(silent.policies.ignored());
}

TEST(Http2Loss, NoiseIsNoHttp2) {
  std::mt19937 random(7);
  std::string noise(64, ' ');
  std::size_t joined = 0;
  for (int i = 0; i < 200000; ++i) {
    for (char& octet : noise) octet = static_cast<char>(random());
    noise[0] = noise[1] = 0;  // as lengths in other protocols begin
    joined += is_frame_chain(base::as_bytes(noise), true) ? 1 : 0;
  }
  EXPECT_EQ(joined, 0U);
  const std::string_view kOthers[] = {{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11},  // TLS
                                      {"\0\0\0\x21\0\x12\0\x03\0\0\0\x01\0\x09"
                                       "adminclient\0\x06librd\0\0\0\0",
                                       37},  // Kafka
                                      {"\0\0\x01\0\0\0\0\x01\0\x07"
                                       "clients"
                                       "\0\0\0\0\0\0\0\0\0\0\0\0",
                                       29},                               // the same, longer
                                      {"\0\0\0\x08\x04\xd2\x16\x2f", 8},  // PostgreSQL
                                      {"SSH-2.0-OpenSSH_9.2p1\r\n", 23},
                                      {"*1\r\n$4\r\nPING\r\n", 14}};
  for (const std::string_view other : kOthers) {
    EXPECT_FALSE(is_frame_chain(base::as_bytes(other), true)) << other;
  }
}

// Any losses and any joins: what comes out is what was sent, or says that it is not known.
TEST(Http2Loss, NeverAWrongPathOrStatus) {
  std::mt19937 random(11);
  std::size_t exchanges = 0;
  std::size_t unknown = 0;
  for (int round = 0; round < 400; ++round) {
    Peer client;
    Peer server;
    Conversation talk(round % 2 == 0 ? Role::server : Role::client, round % 3 != 0);
    bool first = true;
    const auto play = [&](bool asks, const std::string& bytes) {
      const auto direction = asks ? talk.asking() : opposite(talk.asking());
      switch (random() % 12) {
        case 0: talk.lose(direction, bytes.size()); break;
        case 1: talk.record(direction, bytes, random() % bytes.size(), 0); break;
        case 2:
          talk.record(direction, bytes.substr(0, bytes.size() / 2), bytes.size() / 2, 0);
          talk.record(direction, bytes.substr(bytes.size() / 2), bytes.size() - bytes.size() / 2,
                      0);
          break;
        default: talk.record(direction, bytes, bytes.size(), 0);
      }
    };
    for (std::uint32_t stream = 1; stream < 60; stream += 2) {
      const std::string path = path_of(stream % 14);
      play(true, (std::exchange(first, false) ? preface() : "") + client.get(stream, path));
      const std::string status = std::to_string(200 + stream % 14);
      play(false, server.head(stream, {{":status", status}, {"x-path", path}}, false) +
                      data(stream, path));
    }
    talk.close();
    EXPECT_EQ(talk.sink.in_flight(), 0U);
    for (const auto& exchange : talk.sink.exchanges) {
      const model::Semantics& semantics = exchange.semantics;
      ++exchanges;
      unknown += semantics.is_partly_unknown ? 1 : 0;
      const std::string rest = std::to_string(std::stoi(semantics.outcome) - 200);
      EXPECT_TRUE(semantics.target.empty() || semantics.target == "/path/" + rest)
          << semantics.target << ' ' << semantics.outcome;
      EXPECT_TRUE(semantics.operation == "GET" || semantics.is_partly_unknown);
      EXPECT_TRUE(!exchange.request_body_bytes || *exchange.request_body_bytes == 0);
    }
  }
  EXPECT_GT(exchanges, 3000U);
  EXPECT_GT(unknown, 100U);
  EXPECT_LT(unknown, exchanges / 2);
}

TEST(Http2Loss, GoesOnBehindAPredecessor) {
  for (const bool inside_body : {false, true}) {
    Peer client;
    Peer server;
    Conversation talk;
    talk.table().keep_book({}, {});
    model::ConnectionInfo info;
    info.id = 8;
    info.role = Role::server;
    info.seen_from_start = true;
    talk.table().on_opened({{}, info});
    std::array<std::uint64_t, 2> positions{};
    const auto send = [&](session::SessionTable& table, model::Direction direction,
                          std::string_view text) {
      model::StreamData event;
      event.connection = 8;
      event.direction = direction;
      event.offset = positions[static_cast<std::size_t>(direction)];
      event.other_offset = positions[1 - static_cast<std::size_t>(direction)];
      event.total_bytes = static_cast<std::uint32_t>(text.size());
      event.head = base::as_bytes(text);
      positions[static_cast<std::size_t>(direction)] += text.size();
      table.on_data(event);
    };
    constexpr auto kIn = model::Direction::received;
    constexpr auto kOut = model::Direction::sent;
    send(talk.table(), kIn, preface() + client.get(1, "/gone") + client.get(3, "/gone"));
    const std::string answer =
        settings() + server.status(1, "200", false) + data(1, "0123456789", false);
    send(talk.table(), kOut,
         std::string_view(answer).substr(0, answer.size() - (inside_body ? 4 : 0)));
    std::vector<std::byte> book(session::ConnectionBook::region_bytes());
    talk.table().take_book_changes([&](std::size_t offset, std::span<const std::byte> bytes) {
      std::ranges::copy(bytes, book.begin() + static_cast<std::ptrdiff_t>(offset));
    });

    session::RecordingSink sink;
    session::RecordingPolicies policies;
    session::SessionTable next(sink, policies, registry());
    EXPECT_EQ(next.keep_book(book, {}).refused, 0U);
    if (inside_body) send(next, kOut, "6789");
    send(next, kOut, data(1, "end") + server.status(3, "200"));
    send(next, kIn, client.get(5, "/gone"));
    send(next, kIn, client.get(7, "/new"));
    send(next, kOut, server.status(5, "200") + server.status(7, "200"));
    ASSERT_EQ(sink.exchanges.size(), 2U);
    EXPECT_EQ(session::summary(sink.exchanges[0]), "GET  200 0");
    EXPECT_EQ(session::summary(sink.exchanges[1]), "GET /new 200 0");
    EXPECT_EQ(sink.begun, 2U);
    EXPECT_EQ(sink.unpaired, 0U);
    EXPECT_EQ(sink.in_flight(), 0U);
  }
}

}  // namespace
}  // namespace beyla::protocols::http2
