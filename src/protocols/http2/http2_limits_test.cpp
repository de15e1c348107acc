#include <gtest/gtest.h>

#include <map>
#include <utility>

#include "protocols/http2/frame_walker.h"
#include "protocols/http2/grpc.h"
#include "protocols/http2/http2_parser.h"
#include "protocols/http2/http2_talk.h"
#include "protocols/http2/streams.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http2 {
namespace {

using model::IncompleteReason;
using session::Conversation;
using session::opposite;

std::string continuation(std::uint32_t stream, std::string_view part, bool end) {
  return frame(FrameType::continuation, end ? unsigned{kEndHeaders} : 0U, stream, part);
}

TEST(Http2Limits, Continuations) {
  for (const std::size_t count : {kMaxContinuations, kMaxContinuations + 1}) {
    Peer client;
    Conversation talk;
    talk.ask(preface() + client.get(1, "/open"));
    const std::string block =
        client.block({{":method", "GET"}, {":scheme", "http"}, {":path", "/a"}});
    std::string bytes = frame(FrameType::headers, kEndStream, 3, block);
    for (std::size_t i = 1; i <= count; ++i) bytes += continuation(3, {}, i == count);
    talk.ask(bytes);
    const bool over = count > kMaxContinuations;
    EXPECT_EQ(talk.policies.ignored(), over);
    EXPECT_EQ(talk.sink.begun, over ? 1U : 2U);
    EXPECT_EQ(talk.sink.count(IncompleteReason::limit), over ? 1U : 0U);
  }
}

TEST(Http2Limits, LongBlocks) {
  Peer client;
  Conversation talk;
  talk.ask(preface() + client.get(1, "/open"));
  talk.ask(frame(FrameType::headers, 0, 3, std::string(kMaxBlockBytes - 10, '\0')));
  EXPECT_FALSE(talk.policies.ignored());
  talk.ask(continuation(3, std::string(11, '\0'), false));
  EXPECT_TRUE(talk.policies.ignored());
  EXPECT_EQ(talk.sink.count(IncompleteReason::limit), 1U);
  EXPECT_EQ(talk.table().parser_bytes(), 0U);
}

TEST(Http2Limits, CallsInARowThatBeginWithNoFrame) {
  Conversation talk;
  talk.ask(preface());
  talk.lose(talk.asking(), 10);  // with the first one this makes two
  for (std::size_t i = 2; i <= kMaxMisses; ++i) talk.ask("no frame");
  EXPECT_FALSE(talk.policies.ignored());
  talk.ask("no frame");
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(Http2Limits, OpenStreams) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface());
  constexpr std::uint32_t kOver = 10;
  for (std::uint32_t i = 0; i < kMaxStreams + kOver; ++i) talk.ask(client.get(2 * i + 1, "/a"));
  EXPECT_EQ(talk.sink.count(IncompleteReason::limit), kOver);
  talk.answer(settings());
  for (std::uint32_t i = 0; i < kMaxStreams + kOver; ++i) {
    talk.answer(server.status(2 * i + 1, "200"));
  }
  EXPECT_EQ(talk.sink.exchanges.size(), kMaxStreams);
  EXPECT_EQ(talk.sink.unpaired, 0U);
  talk.ask(client.get(9001, "/b"));
  EXPECT_EQ(talk.sink.in_flight(), 1U);
}

TEST(Http2Limits, StreamsThatNobodyWillHearOfMakeRoom) {
  Peer client;
  Peer server;
  Conversation talk;
  talk.ask(preface());
  talk.answer(settings());
  for (std::uint32_t i = 0; i < kMaxStreams; ++i) talk.ask(client.get(2 * i + 1, "/a"));
  std::size_t lost = 0;
  for (std::uint32_t i = 0; i < kMaxStreams; ++i) lost += server.status(2 * i + 1, "200").size();
  talk.lose(opposite(talk.asking()), lost);
  talk.answer(frame(FrameType::ping, 0, 0, "12345678"));
  for (std::uint32_t i = 0; i < kMaxStreams; ++i) {
    const auto stream = static_cast<std::uint32_t>(2 * (i + kMaxStreams) + 1);
    talk.ask(client.get(stream, "/b"));
    talk.answer(server.status(stream, "200"));
  }
  EXPECT_EQ(talk.sink.exchanges.size(), kMaxStreams);
  EXPECT_EQ(talk.sink.count(IncompleteReason::limit), 0U);
}

TEST(Http2Limits, LongPathsOfManyStreams) {
  Peer client;
  Conversation talk;
  talk.ask(preface());
  for (std::uint32_t i = 0; i < kMaxStreams; ++i) {
    talk.ask(client.get(2 * i + 1, '/' + std::string(1500, static_cast<char>('a' + i % 26))));
  }
  EXPECT_GT(talk.sink.count(IncompleteReason::limit), 0U);
  EXPECT_LE(talk.table().parser_bytes(), kMaxStreamBytes * 2);
}

// Clients that come one after the other, and stay.
class Crowd {
 public:
  Crowd() : table_(sink, policies_, registry()) {}

  void send(model::ConnectionId id, std::string_view text) {
    if (id > size_) connect(id);
    model::StreamData event;
    event.connection = id;
    event.offset = std::exchange(sent_[id], sent_[id] + text.size());
    event.total_bytes = static_cast<std::uint32_t>(text.size());
    event.head = base::as_bytes(text);
    table_.on_data(event);
    EXPECT_LE(table_.parser_bytes(), session::kMaxParserBytesTotal);
  }
  // Next to each other, by one call.
  void open_streams(model::ConnectionId id, std::uint32_t count, std::size_t path_bytes) {
    Peer client;
    std::string text = preface();
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto letter = static_cast<char>('a' + i % 26);
      text += client.get(2 * i + 1, '/' + std::string(path_bytes, letter));
    }
    send(id, text);
  }
  void close() {
    EXPECT_EQ(sink.begun, sink.count(IncompleteReason::limit) + sink.in_flight());
    for (model::ConnectionId id = 1; id <= size_; ++id) table_.on_closed({{}, id});
    EXPECT_EQ(table_.parser_bytes(), 0U);
    EXPECT_EQ(sink.in_flight(), 0U);
  }
  [[nodiscard]] std::size_t bytes() const { return table_.parser_bytes(); }
  [[nodiscard]] std::uint64_t opaque() const {
    return table_.counters().opaque_connections.value();
  }

  session::RecordingSink sink;

 private:
  void connect(model::ConnectionId id) {
    model::ConnectionInfo info;
    info.id = size_ = id;
    info.role = model::Role::server;
    info.seen_from_start = true;
    table_.on_opened({{}, info});
  }

  session::RecordingPolicies policies_;
  session::SessionTable table_;
  std::map<model::ConnectionId, std::uint64_t> sent_;
  model::ConnectionId size_ = 0;
};

TEST(Http2Limits, AllConnectionsTogether) {
  Crowd crowd;
  for (model::ConnectionId id = 1; id <= 1600; ++id) crowd.open_streams(id, 50, 1000);
  EXPECT_GT(crowd.opaque(), 0U);
  crowd.close();
}

TEST(Http2Limits, EachConnectionHasAShare) {
  constexpr model::ConnectionId kConnections = 160;
  Crowd crowd;
  for (model::ConnectionId id = 1; id <= kConnections; ++id) {
    crowd.open_streams(id, kMaxStreams, 1000);
  }
  EXPECT_EQ(crowd.opaque(), 0U);
  EXPECT_LE(crowd.bytes(), session::kTightParserBytesTotal + 2 * kMaxStreamBytes +
                               kConnections * 2 * kTightStreamBytes);
  crowd.close();
}

TEST(Http2Limits, SharesEndWhenMemoryIsThereAgain) {
  constexpr model::ConnectionId kConnections = 8;
  Crowd crowd;
  std::string resets;
  for (std::uint32_t i = 0; i < kMaxStreams; ++i) resets += reset(2 * i + 1, kErrorCancel);
  for (model::ConnectionId id = 1; id <= kConnections; ++id) {
    crowd.open_streams(id, kMaxStreams, 1000);
  }
  ASSERT_GT(crowd.bytes(), session::kTightParserBytesTotal);
  for (model::ConnectionId id = 1; id <= kConnections; ++id) crowd.send(id, resets);
  EXPECT_EQ(crowd.sink.in_flight(), 0U);
  EXPECT_LT(crowd.bytes(), 2 * kConnections * kMaxHpackMemoryBytes);
  const std::size_t refused = crowd.sink.count(IncompleteReason::limit);
  crowd.open_streams(kConnections + 1, kMaxStreams, 10);
  Peer client;
  std::string text;  // of one that had no more than its share
  for (std::uint32_t i = kMaxStreams; i < 2 * kMaxStreams; ++i) text += client.get(2 * i + 1, "/");
  crowd.send(kConnections, text);
  EXPECT_EQ(crowd.sink.count(IncompleteReason::limit), refused);
  EXPECT_EQ(crowd.sink.in_flight(), 2 * kMaxStreams);
}

TEST(Http2Limits, TablesShareWhatIsTight) {
  constexpr std::size_t kPath = 3900;
  constexpr model::ConnectionId kConnections = 600;
  constexpr std::size_t kShare = std::size_t{10} << 10U;  // all four paths take 16 KiB
  Crowd crowd;
  std::string block = "\x3f\xe1\xff\x03";  // a table of 64 KiB
  for (char letter = 'a'; letter < 'e'; ++letter) {
    block += std::string{'\x44', '\x7f', '\xbd', '\x1d'} + '/' + std::string(kPath - 1, letter);
  }
  const std::string request =
      preface() + frame(FrameType::headers, kEndHeaders | kEndStream, 1, block);
  for (model::ConnectionId id = 1; id <= kConnections; ++id) crowd.send(id, request);
  EXPECT_EQ(crowd.sink.begun, kConnections);
  EXPECT_LT(crowd.bytes(), session::kTightParserBytesTotal + kConnections * kShare);
  crowd.close();
}

// As the floods of CVE-2023-44487, CVE-2019-9512, CVE-2019-9515: nothing grows.
TEST(Http2Limits, Floods) {
  Peer client;
  Conversation talk;
  talk.ask(preface());
  talk.answer(settings());
  constexpr std::uint32_t kRounds = 20000;
  for (std::uint32_t i = 0; i < kRounds; ++i) {
    const std::uint32_t stream = 2 * i + 1;
    talk.ask(client.get(stream, "/a") + reset(stream, kErrorCancel) + settings() +
             frame(FrameType::ping, 0, 0, "12345678") + data(1, {}, false));
    ASSERT_LT(talk.table().parser_bytes(), 16384U);
  }
  EXPECT_EQ(talk.sink.count(IncompleteReason::no_answer), kRounds);
}

}  // namespace
}  // namespace beyla::protocols::http2
