#include <gtest/gtest.h>

#include "protocols/http2/grpc.h"
#include "protocols/http2/http2_talk.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http2 {
namespace {

using model::IncompleteReason;
using model::Role;
using session::Conversation;
using Summaries = std::vector<std::string>;
using namespace std::chrono_literals;

constexpr auto kBoth = {Role::server, Role::client};
constexpr std::string_view kGrpcType = "application/grpc+proto";

// One call, until its request is sent.
struct Call {
  explicit Call(Role role_, std::string_view timeout = {}) : role(role_), talk(role_) {
    talk.ask(preface() + client.call(1, "/pkg.Service/Do", timeout) + data(1, "\0\0\0\0\1x"));
    talk.answer(settings());
  }
  void answer_head(std::string_view status = "200", std::string_view type = kGrpcType) {
    talk.answer(server.head(1, {{":status", status}, {"content-type", type}}, false));
  }
  [[nodiscard]] std::string outcome() const {
    if (talk.sink.exchanges.empty()) return "none";
    const model::Semantics& semantics = talk.sink.exchanges.back().semantics;
    EXPECT_EQ(semantics.family, model::MetricFamily::rpc);
    // Of a server that knows no such method the name may be anything.
    const bool unknown = semantics.outcome == "12" && role == Role::server;
    EXPECT_EQ(semantics.operation, unknown ? "_OTHER" : "/pkg.Service/Do");
    EXPECT_EQ(semantics.target, unknown ? "/pkg.Service/Do" : "");
    EXPECT_EQ(talk.sink.in_flight(), 0U);
    return semantics.outcome;
  }

  Role role;
  Peer client;
  Peer server;
  Conversation talk;
};

TEST(Http2Grpc, StatusOfTrailers) {
  for (const Role role : kBoth) {
    for (const std::string_view code : {"0", "2", "4", "5", "13", "14", "16"}) {
      Call call(role);
      call.answer_head();
      call.talk.answer(data(1, "answer", false));
      EXPECT_EQ(call.outcome(), "none");
      call.talk.answer(call.server.head(1, {{"grpc-status", code}, {"grpc-message", "m"}}));
      EXPECT_EQ(call.outcome(), code);
    }
  }
}

TEST(Http2Grpc, StatusOfAnswersThatAreOnlyAHead) {
  for (const Role role : kBoth) {
    Call call(role);
    call.talk.answer(call.server.head(
        1, {{":status", "200"}, {"content-type", kGrpcType}, {"grpc-status", "12"}}));
    EXPECT_EQ(call.outcome(), "12");
  }
}

TEST(Http2Grpc, StatusThatIsNone) {
  for (const std::string_view code : {"", "x", "-1", "17", "4294967296", "0x1"}) {
    Call call(Role::server);
    call.answer_head();
    call.talk.answer(call.server.head(1, {{"grpc-status", code}}));
    EXPECT_EQ(call.outcome(), "2") << code;
  }
}

TEST(Http2Grpc, StatusByThatOfHttp) {
  const std::pair<std::string_view, std::string_view> kMapped[] = {
      {"400", "13"}, {"401", "16"}, {"403", "7"},  {"404", "12"}, {"429", "14"},
      {"502", "14"}, {"503", "14"}, {"504", "14"}, {"500", "2"},  {"302", "2"}};
  for (const auto& [status, code] : kMapped) {
    Call call(Role::client);
    call.answer_head(status, "text/html");
    call.talk.answer(data(1, "<html>"));
    EXPECT_EQ(call.outcome(), code) << status;
  }
}

TEST(Http2Grpc, StreamsWithoutStatus) {
  Call by_data(Role::client);
  by_data.answer_head();
  by_data.talk.answer(data(1, "answer"));
  EXPECT_EQ(by_data.outcome(), "13");
  Call by_trailers(Role::client);
  by_trailers.answer_head();
  by_trailers.talk.answer(by_trailers.server.head(1, {{"x-other", "1"}}));
  EXPECT_EQ(by_trailers.outcome(), "2");
}

TEST(Http2Grpc, CancelledByTheClient) {
  for (const Role role : kBoth) {
    for (const bool answered : {false, true}) {
      Call call(role);
      if (answered) call.answer_head();
      call.talk.ask(reset(1, kErrorCancel));
      EXPECT_EQ(call.outcome(), "1");
    }
  }
}

// The test's clock goes by one ms a record.
TEST(Http2Grpc, DeadlineOfTheClient) {
  for (const Role role : kBoth) {
    Call late(role, "4m");
    while (late.talk.now() - base::BootTime{} < 8ms)
      late.talk.answer(frame(FrameType::ping, 0, 0, "12345678"));
    late.talk.ask(reset(1, kErrorCancel));
    EXPECT_EQ(late.outcome(), "4");
    Call early(role, "1S");
    early.talk.ask(reset(1, kErrorCancel));
    EXPECT_EQ(early.outcome(), "1");
  }
}

// A client that exits at its deadline resets nothing any more.
TEST(Http2Grpc, ClosedAfterTheDeadline) {
  for (const Role role : kBoth) {
    for (const bool answered : {false, true}) {
      Call late(role, "4m");
      if (answered) late.answer_head();
      while (late.talk.now() - base::BootTime{} < 8ms)
        late.talk.answer(frame(FrameType::ping, 0, 0, "12345678"));
      late.talk.close();
      EXPECT_EQ(late.outcome(), "4");
    }
    Call early(role, "1S");
    early.talk.close();
    EXPECT_EQ(early.outcome(), role == Role::client ? "14" : "none");
    Call refused(role, "1m");
    refused.talk.answer(goaway(0));
    EXPECT_EQ(refused.outcome(), role == Role::client ? "14" : "none");
  }
}

// What the server is slow to read has come before.
TEST(Http2Grpc, DeadlineCountsFromTheArrival) {
  Conversation talk(Role::server);
  Peer client;
  const auto receive = [&](const std::string& bytes, base::BootTime time, base::BootTime arrival) {
    model::StreamData event;
    event.time = time;
    event.arrival = arrival;
    event.connection = Conversation::kId;
    event.direction = model::Direction::received;
    event.offset = std::exchange(talk.position(model::Direction::received),
                                 talk.position(model::Direction::received) + bytes.size());
    event.total_bytes = static_cast<std::uint32_t>(bytes.size());
    event.head = base::as_bytes(bytes);
    talk.table().on_data(event);
  };
  const base::BootTime sent = talk.now() + 1s;
  receive(preface() + client.call(1, "/pkg.Service/Do", "300m"), sent + 200ms, sent);
  receive(reset(1, kErrorCancel), sent + 301ms, sent + 300ms);
  ASSERT_EQ(talk.sink.exchanges.size(), 1U);
  EXPECT_EQ(talk.sink.exchanges[0].semantics.outcome, "4");
}

TEST(Http2Grpc, Deadlines) {
  // As sent, and how long the stream then took: what a client does not send at once has waited in
  // it.
  EXPECT_TRUE(is_deadline(300ms, 301ms));
  EXPECT_TRUE(is_deadline(300ms, 265ms));
  EXPECT_FALSE(is_deadline(300ms, 250ms));
  EXPECT_TRUE(is_deadline(9ms, 1ms));
  EXPECT_TRUE(is_deadline(100ms, 80ms));
  EXPECT_FALSE(is_deadline(100ms, 70ms));
  EXPECT_TRUE(is_deadline(2s, 1890ms));
  EXPECT_FALSE(is_deadline(2s, 1800ms));
  // 123.01 s, as gRPC Core writes it.
  EXPECT_TRUE(is_deadline(124s, 123010ms));
  EXPECT_FALSE(is_deadline(124s, 122s));
}

TEST(Http2Grpc, ResetByTheServer) {
  const std::pair<std::uint32_t, std::string_view> kMapped[] = {
      {0, "13"}, {1, "13"}, {2, "13"}, {8, "1"}, {11, "8"}, {12, "7"}, {13, "13"}, {99, "13"}};
  for (const Role role : kBoth) {
    for (const auto& [error, code] : kMapped) {
      Call call(role);
      call.talk.answer(reset(1, error));
      EXPECT_EQ(call.outcome(), code) << error;
    }
  }
}

TEST(Http2Grpc, NoAnswerAtAll) {
  const std::function<void(Call&)> kEnds[] = {
      [](Call& call) { call.talk.answer(reset(1, kErrorRefusedStream)); },
      [](Call& call) { call.talk.answer(goaway(0)); }, [](Call& call) { call.talk.close(); },
      [](Call& call) {
        call.answer_head();
        call.talk.close();
      }};
  for (const auto& end : kEnds) {
    Call client(Role::client);
    end(client);
    EXPECT_EQ(client.outcome(), "14");
    Call server(Role::server);
    end(server);
    EXPECT_EQ(server.outcome(), "none");
    EXPECT_EQ(server.talk.sink.count(IncompleteReason::no_answer), 1U);
  }
}

TEST(Http2Grpc, OursToStopIsNoStatus) {
  Call call(Role::client);
  call.talk.flush();
  EXPECT_EQ(call.outcome(), "none");
  EXPECT_EQ(call.talk.sink.count(IncompleteReason::no_answer), 1U);
}

TEST(Http2Grpc, DurationIsThatOfTheStream) {
  Call call(Role::server);
  const base::BootTime begun = base::BootTime{} + 2ms;
  call.answer_head();
  for (int i = 0; i < 100; ++i) {
    call.talk.answer(data(1, "message", false));
    call.talk.ask(data(1, "message", false));
  }
  call.talk.answer(call.server.head(1, {{"grpc-status", "0"}}));
  EXPECT_EQ(call.outcome(), "0");
  EXPECT_EQ(call.talk.sink.exchanges[0].received, begun);
  EXPECT_EQ(call.talk.sink.exchanges[0].end, call.talk.now());
}

TEST(Http2Grpc, ContentTypes) {
  EXPECT_TRUE(is_grpc_content("application/grpc"));
  EXPECT_TRUE(is_grpc_content("Application/gRPC+json"));
  EXPECT_TRUE(is_grpc_content("application/grpc;charset=utf-8"));
  EXPECT_FALSE(is_grpc_content("application/grpc-web+proto"));
  EXPECT_FALSE(is_grpc_content("application/grpcx"));
  EXPECT_FALSE(is_grpc_content("application/json"));
}

TEST(Http2Grpc, Timeouts) {
  EXPECT_EQ(grpc_timeout_of("1H"), 1h);
  EXPECT_EQ(grpc_timeout_of("2M"), 2min);
  EXPECT_EQ(grpc_timeout_of("3S"), 3s);
  EXPECT_EQ(grpc_timeout_of("100m"), 100ms);
  EXPECT_EQ(grpc_timeout_of("5u"), 5us);
  EXPECT_EQ(grpc_timeout_of("99999999n"), 99999999ns);
  EXPECT_GT(grpc_timeout_of("99999999H"), 1000h);
  for (const std::string_view wrong : {"", "m", "1", "-1m", "+1m", "1x", "1 m", "123456789m"}) {
    EXPECT_EQ(grpc_timeout_of(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace beyla::protocols::http2
