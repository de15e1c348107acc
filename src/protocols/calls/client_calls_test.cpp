#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/calls/made_calls.h"

namespace beyla::protocols::calls {
namespace {

using model::CallKind;
using model::FunctionCall;
using model::IncompleteReason;
using model::Role;
using testing::ElementsAre;
using testing::IsEmpty;

class ClientCalls : public testing::Test {
 protected:
  void begin(std::int64_t ms, std::uint64_t goroutine, std::uint64_t request, bool https = false) {
    FunctionCall call = made_call(CallKind::client_begin, ms, goroutine, request);
    call.method = "POST";
    call.target = "/a";
    call.name = "shop.example:8080";
    call.tls = https;
    call.origin.ancestors[0] = 0xabc;
    table.on_call(call);
  }
  void link(std::int64_t ms, std::uint64_t request, model::ConnectionId connection,
            bool tls = false) {
    FunctionCall call = made_call(CallKind::client_link, ms, 1, request);
    call.connection = connection;
    call.tls = tls;
    table.on_call(call);
  }
  void end(std::int64_t ms, std::uint64_t goroutine, std::uint32_t status) {
    FunctionCall call = made_call(CallKind::client_end, ms, goroutine);
    call.status = status;
    call.failed = status == 0;
    table.on_call(call);
  }
  // The socket's parser has seen a request.
  model::RequestId send(std::int64_t ms, model::ConnectionId connection,
                        model::ProcessKey process = kGoProcess) {
    model::RequestBegun begun;
    begun.process = process;
    begun.role = Role::client;
    begun.connection = connection;
    begun.time = at_ms(ms);
    return table.on_begun(begun);
  }
  void answer(model::RequestId id) {
    model::Exchange exchange;
    exchange.request = id;
    exchange.semantics.target = "/socket";
    table.on_exchange(std::move(exchange));
  }
  void grpc(CallKind kind, std::int64_t ms, std::uint64_t stream, std::uint32_t code = 0) {
    FunctionCall call = made_call(kind, ms, 1, stream);
    call.target = "/shop.Cart/Add";
    call.name = "shop.example:443";
    call.status = code;
    table.on_call(call);
  }

  KeepingSink sink;
  CallTable table{sink};
};

TEST_F(ClientCalls, HttpsIsAnExchangeOfItsOwn) {
  table.on_opened({at_ms(0), made_connection(9, Role::client, 5000, 443), kGoProcess});
  begin(1, 1, 0xa, true);
  ASSERT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(sink.begun[0].origin->ancestors[0], 0xabcU);
  link(2, 0xa, 9, true);
  end(5, 1, 201);
  EXPECT_THAT(sink.lines(), ElementsAre("http POST /a 201"));
  const auto& exchange = sink.exchanges.at(0);
  EXPECT_EQ(exchange.role, Role::client);
  EXPECT_EQ(exchange.server_name, "shop.example:8080");
  EXPECT_EQ(exchange.connection, 9U);
  EXPECT_EQ(exchange.local.port, 5000);
  EXPECT_EQ(exchange.remote.port, 443);
  EXPECT_EQ(exchange.received, at_ms(1));
  EXPECT_EQ(exchange.end, at_ms(5));
}

TEST_F(ClientCalls, Http2HasNoLink) {
  begin(1, 1, 0xa, true);
  end(5, 1, 200);
  EXPECT_THAT(sink.lines(), ElementsAre("http POST /a 200"));
  EXPECT_EQ(sink.exchanges[0].remote.port, 0);
}

TEST_F(ClientCalls, WithoutAnAnswerTheOutcomeIsEmpty) {
  begin(1, 1, 0xa, true);
  end(5, 1, 0);
  EXPECT_THAT(sink.lines(), ElementsAre("http POST /a "));
}

TEST_F(ClientCalls, HttpsWhoseConnectionGoDoesNotKnowAsTlsIsStillTls) {
  begin(1, 1, 0xa, true);
  link(2, 0xa, 9, false);  // a dialer of its own
  end(5, 1, 200);
  EXPECT_EQ(sink.exchanges.size(), 1U);
  EXPECT_EQ(sink.in_flight(), 0U);
}

TEST_F(ClientCalls, ThroughATlsProxy) {
  begin(1, 1, 0xa);
  link(2, 0xa, 9, true);
  end(5, 1, 200);
  EXPECT_THAT(sink.lines(), ElementsAre("http POST /a 200"));
  EXPECT_EQ(sink.begun.at(0).time, at_ms(1));
}

TEST_F(ClientCalls, PlainHttp1BelongsToTheSocketAndKnowsWhoAsked) {
  begin(1, 1, 0xa);
  link(2, 0xa, 9);
  const auto id = send(3, 9);
  EXPECT_EQ(sink.begun.at(0).origin->goroutine_id, 1001U);
  EXPECT_EQ(sink.begun.at(0).origin->ancestors[0], 0xabcU);
  answer(id);
  end(5, 1, 200);
  table.tidy(at_ms(9000));
  EXPECT_THAT(sink.lines(), ElementsAre("http  /socket "));
  EXPECT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(table.size(), 0U);
}

// net/http sends a copy of a request that has a body.
TEST_F(ClientCalls, ALinkOfACopyIsThatOfTheNewestOnItsGoroutine) {
  begin(1, 1, 0xa);
  link(2, 0xb, 9);
  const auto id = send(3, 9);
  end(4, 1, 200);
  answer(id);
  table.tidy(at_ms(9000));
  EXPECT_EQ(sink.exchanges.size(), 1U);
  EXPECT_EQ(table.counters().unmatched_ends.value(), 0U);
}

TEST_F(ClientCalls, ALinkIsOfOneRequest) {
  link(2, 0xa, 9);
  EXPECT_TRUE(sink.begun.empty());
  send(3, 9);
  send(4, 9);
  EXPECT_TRUE(sink.begun.at(0).origin);
  EXPECT_FALSE(sink.begun.at(1).origin);
}

TEST_F(ClientCalls, ALinkEndsWithItsConnection) {
  begin(1, 1, 0xa);
  link(2, 0xa, 9);
  table.on_closed({at_ms(3), 9});
  send(4, 9);
  EXPECT_FALSE(sink.begun.at(0).origin);
}

TEST_F(ClientCalls, OnOneMoreConnectionItIsOneRequest) {
  begin(1, 1, 0xa);
  link(2, 0xa, 9);  // closed by the server, nothing was sent
  link(3, 0xa, 10);
  answer(send(4, 10));
  end(5, 1, 200);
  table.tidy(at_ms(9000));
  EXPECT_EQ(sink.exchanges.size(), 1U);
}

TEST_F(ClientCalls, ADialThatFailsIsAnExchangeWithoutEndpoint) {
  begin(1, 1, 0xa);
  end(5, 1, 0);
  EXPECT_TRUE(table.waits());
  table.tidy(at_ms(504));
  EXPECT_THAT(sink.exchanges, IsEmpty());
  table.tidy(at_ms(505));
  EXPECT_THAT(sink.lines(), ElementsAre("http POST /a "));
  EXPECT_EQ(sink.exchanges[0].server_name, "shop.example:8080");
  EXPECT_EQ(sink.exchanges[0].remote.port, 0);
  EXPECT_EQ(sink.exchanges[0].end, at_ms(5));
  EXPECT_FALSE(table.waits());
}

TEST_F(ClientCalls, WhatNoSocketHasSeenIsAnExchange) {
  begin(1, 1, 0xa);
  link(2, 0xa, 9);  // of no TCP connection, or its record was lost
  end(5, 1, 200);
  table.tidy(at_ms(600));
  EXPECT_THAT(sink.lines(), ElementsAre("http POST /a 200"));
}

TEST_F(ClientCalls, ASendWhoseRecordIsLateStillOwnsItsRequest) {
  begin(1, 1, 0xa);
  link(2, 0xa, 9);
  end(5, 1, 200);
  const auto id = send(3, 9);
  EXPECT_TRUE(sink.begun.at(0).origin);
  answer(id);
  table.tidy(at_ms(600));
  EXPECT_THAT(sink.lines(), ElementsAre("http  /socket "));
}

TEST_F(ClientCalls, WithoutLinksNothingCountsTwice) {
  begin(1, 1, 0xa);
  begin(2, 2, 0xb);
  answer(send(3, 9));
  answer(send(4, 10));
  end(5, 1, 200);
  end(6, 2, 200);
  table.tidy(at_ms(600));
  EXPECT_EQ(sink.exchanges.size(), 2U);
  EXPECT_EQ(sink.in_flight(), 0U);
}

TEST_F(ClientCalls, WithoutLinksOnlyARequestOfTheSameTimeAndProcessIsTheSame) {
  begin(10, 2, 0xb);
  send(3, 9);                // before
  send(11, 10, {42, 1, 1});  // of another process
  end(15, 2, 200);
  send(16, 11);  // after
  table.tidy(at_ms(600));
  EXPECT_THAT(sink.lines(), ElementsAre("http POST /a 200"));
}

TEST_F(ClientCalls, TheSameRequestMayBeSentAgain) {
  begin(1, 1, 0xa);
  end(2, 1, 0);
  begin(3, 1, 0xa);
  link(4, 0xa, 9);
  answer(send(5, 9));
  end(6, 1, 200);
  table.tidy(at_ms(600));
  EXPECT_THAT(sink.lines(), ElementsAre("http  /socket ", "http POST /a "));
  EXPECT_THAT(sink.incomplete, IsEmpty());
}

TEST_F(ClientCalls, AProxyMayBeAskedMeanwhile) {
  begin(1, 1, 0xa, true);
  begin(2, 1, 0xb, true);
  end(3, 1, 401);
  end(4, 1, 200);
  ASSERT_EQ(sink.exchanges.size(), 2U);
  EXPECT_EQ(sink.exchanges[0].received, at_ms(2));
  EXPECT_EQ(sink.exchanges[1].received, at_ms(1));
}

TEST_F(ClientCalls, AGoroutineThatIsGoneHasNoOpenCalls) {
  begin(1, 1, 0xa, true);
  FunctionCall other = made_call(CallKind::client_end, 2, 1);
  other.origin.goroutine_id = 77;
  table.on_call(other);
  EXPECT_EQ(sink.count(IncompleteReason::gap), 1U);
  EXPECT_EQ(table.counters().unmatched_ends.value(), 1U);
}

TEST_F(ClientCalls, ACallWhoseEndWasLostDoesNotStayBelowForEver) {
  begin(1, 1, 0xa, true);
  for (std::uint64_t i = 0; i < kMaxEndsAbove; ++i) {
    EXPECT_EQ(sink.incomplete.size(), 0U);
    begin(2, 1, 0x100 + i, true);
    end(3, 1, 200);
  }
  EXPECT_EQ(sink.count(IncompleteReason::gap), 1U);
  EXPECT_EQ(sink.exchanges.size(), kMaxEndsAbove);
}

TEST_F(ClientCalls, NestingIsBounded) {
  for (std::uint64_t i = 0; i < 100; ++i) begin(1, 1, i + 1, true);
  EXPECT_EQ(table.size(), kMaxNestedCalls);
  EXPECT_EQ(sink.count(IncompleteReason::gap), 100 - kMaxNestedCalls);
}

TEST_F(ClientCalls, AnEmptyMethodIsGetAndAnEmptyPathTheRoot) {
  FunctionCall call = made_call(CallKind::client_begin, 1, 1, 0xa);
  call.tls = true;
  table.on_call(call);
  end(2, 1, 200);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET / 200"));
}

TEST_F(ClientCalls, SettlingIsBounded) {
  for (std::uint64_t i = 0; i < kMaxSettling + 100; ++i) {
    begin(1, 1, i + 1);
    end(2, 1, 0);
  }
  EXPECT_LE(table.size(), kMaxSettling);
  table.flush(at_ms(3));
  EXPECT_EQ(sink.exchanges.size(), kMaxSettling + 100);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ClientCalls, ServersOnSocketsPassAsTheyAre) {
  link(2, 0xa, 9);
  model::RequestBegun begun;
  begun.role = Role::server;
  begun.connection = 9;
  table.on_begun(begun);
  EXPECT_FALSE(sink.begun.at(0).origin);
}

TEST_F(ClientCalls, GrpcHasItsMethodCodeAndAuthority) {
  grpc(CallKind::grpc_client_begin, 1, 0xa);
  grpc(CallKind::grpc_client_end, 5, 0xa, 4);
  grpc(CallKind::grpc_client_end, 6, 0xa, 0);  // the first counts
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  4"));
  EXPECT_EQ(sink.exchanges[0].server_name, "shop.example:443");
  EXPECT_EQ(sink.exchanges[0].role, Role::client);
}

TEST_F(ClientCalls, GrpcAttemptsAreOneCall) {
  grpc(CallKind::grpc_client_begin, 1, 0xa);
  grpc(CallKind::grpc_client_retry, 2, 0xa, 14);
  grpc(CallKind::grpc_client_begin, 3, 0xa);
  table.tidy(at_ms(5000));
  EXPECT_THAT(sink.exchanges, IsEmpty());
  grpc(CallKind::grpc_client_end, 6, 0xa, 0);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  0"));
  EXPECT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(sink.exchanges[0].received, at_ms(1));
}

TEST_F(ClientCalls, AGrpcAttemptThatNothingFollowsHasFailed) {
  grpc(CallKind::grpc_client_begin, 1, 0xa);
  grpc(CallKind::grpc_client_retry, 2, 0xa, 14);
  table.tidy(at_ms(1001));
  EXPECT_THAT(sink.exchanges, IsEmpty());
  table.tidy(at_ms(1002));
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  14"));
  EXPECT_EQ(sink.exchanges[0].end, at_ms(2));
}

TEST_F(ClientCalls, AGrpcCallAtTheSameAddressIsAnother) {
  grpc(CallKind::grpc_client_begin, 1, 0xa);
  grpc(CallKind::grpc_client_begin, 2, 0xa);
  EXPECT_EQ(sink.count(IncompleteReason::gap), 1U);
  EXPECT_EQ(sink.begun.size(), 2U);
}

}  // namespace
}  // namespace beyla::protocols::calls
