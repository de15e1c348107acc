// Of Go servers: requests that end otherwise than by an answer of their handler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/calls/reporting_server.h"

namespace beyla::protocols::calls {
namespace {

using model::IncompleteReason;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(ServerCalls, APanicThatNothingFollowsIs500) {
  begin_tls(1, 1, 0xa);
  table.on_call(made_call(CallKind::panic, 2, 1));
  EXPECT_TRUE(table.waits());
  table.tidy(at_ms(1001));
  EXPECT_THAT(sink.exchanges, IsEmpty());
  EXPECT_TRUE(table.waits());
  table.tidy(at_ms(1002));
  EXPECT_THAT(sink.lines(), ElementsAre("http _OTHER  500"));
  EXPECT_EQ(sink.exchanges[0].end, at_ms(2));
  EXPECT_FALSE(table.waits());
}

TEST_F(ServerCalls, APanicTellsOfTheRequestThatItEnds) {
  begin_tls(1, 1, 0xa);
  panic_in(2, 0xa, "/a");
  table.tidy(at_ms(5000));
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 500"));
  EXPECT_EQ(sink.exchanges[0].remote.port, 5000);
}

TEST_F(ServerCalls, APanicThatIsRecoveredIsNone) {
  begin_tls(1, 1, 0xa);
  table.on_call(made_call(CallKind::panic, 2, 1));
  end(CallKind::http1_end, 3, 0xa, "/a", 503);
  table.tidy(at_ms(5000));
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 503"));
}

TEST_F(ServerCalls, APanicOfAnotherGoroutineIsNone) {
  begin_tls(1, 1, 0xa);
  table.on_call(made_call(CallKind::panic, 2, 2));
  FunctionCall later = made_call(CallKind::panic, 2, 1);
  later.origin.goroutine_id = 9999;  // another at the same address
  table.on_call(later);
  table.tidy(at_ms(5000));
  EXPECT_EQ(table.size(), 1U);
}

TEST_F(ServerCalls, TheNextRequestEndsAPanickedOne) {
  begin_tls(1, 1, 0xa);
  table.on_call(made_call(CallKind::panic, 2, 1));
  begin_tls(3, 1, 0xb);
  EXPECT_THAT(sink.lines(), ElementsAre("http _OTHER  500"));
}

TEST_F(ServerCalls, WhatAHandlerTakesOverIsAnUpgradeOrATunnel) {
  begin_tls(1, 1, 0xa);
  end(CallKind::hijack, 2, 0xa, "/socket", 0);
  begin_tls(3, 1, 0xb);
  FunctionCall tunnel = made_call(CallKind::hijack, 4, 1, 0xb);
  tunnel.method = "CONNECT";
  table.on_call(tunnel);
  table.on_call(made_call(CallKind::hijack, 5, 1, 0xc));  // plain: its parser sees the answer
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /socket 101", "http CONNECT  200"));
  EXPECT_EQ(sink.in_flight(), 0U);
}

TEST_F(ServerCalls, APanicTellsOfTheStreamThatItEnds) {
  begin_http2(1, 0xf, 0xcc, 7);
  end(CallKind::panic, 2, 0xf, "/p?q", 0);
  panic_http2(3, 0xcc, 7);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /p 500"));
}

TEST_F(ServerCalls, AnHttp2PanicIs500OfItsStream) {
  begin_http2(1, 0xa, 0xcc, 1);
  begin_http2(1, 0xb, 0xcc, 3);
  begin_http2(1, 0xc, 0xdd, 3);
  panic_http2(2, 0xcc, 3);
  ASSERT_EQ(sink.exchanges.size(), 1U);
  EXPECT_EQ(sink.exchanges[0].request, 2U);
  EXPECT_THAT(sink.lines(), ElementsAre("http _OTHER  500"));
  panic_http2(2, 0xcc, 3);
  EXPECT_EQ(table.counters().unmatched_ends.value(), 1U);
}

TEST_F(ServerCalls, APanicTellsOfTheStreamThatItResets) {
  begin_http2(1, 0xa, 0xcc, 1);
  begin_http2(1, 0xb, 0xcc, 3);
  panic_in(2, 0xb, "/b");
  EXPECT_THAT(sink.exchanges, IsEmpty());  // it may be recovered
  panic_http2(3, 0xcc, 3);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /b 500"));
  end(CallKind::http2_end, 4, 0xa, "/a", 200);
  EXPECT_EQ(sink.lines().back(), "http GET /a 200");
}

// What a socket shows of an upgrade to HTTP/2, with its answer 101.
class Upgrades : public ServerCalls {
 protected:
  void upgrade(std::int64_t ms, Role role = Role::server,
               const model::ProcessKey& process = kGoProcess) {
    model::Exchange exchange;
    exchange.request = table.on_begun({.process = process, .role = role});
    exchange.process = process;
    exchange.role = role;
    exchange.end = at_ms(ms);
    exchange.to_http2 = true;
    exchange.semantics = {model::MetricFamily::http, "GET", "/a", "101"};
    table.on_exchange(std::move(exchange));
  }
};

TEST_F(Upgrades, TheRequestIsStreamOneAndCountsOnce) {
  upgrade(1);
  EXPECT_TRUE(table.waits());
  begin_http2(2, 0xf, 0xcc, 1);
  end(CallKind::http2_end, 3, 0xf, "/a", 200);
  begin_http2(4, 0xf, 0xcc, 3);
  end(CallKind::http2_end, 5, 0xf, "/b", 200);
  table.tidy(at_ms(9000));
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 200", "http GET /b 200"));
  EXPECT_EQ(sink.withdrawn, 1U);
  EXPECT_EQ(sink.in_flight(), 0U);
  EXPECT_FALSE(table.waits());
}

TEST_F(Upgrades, WhereNobodySeesTheStreamItIsThatAnswer) {
  upgrade(1);
  begin_http2(2, 0xf, 0xcc, 3);
  table.tidy(at_ms(500));
  EXPECT_THAT(sink.lines(), IsEmpty());
  table.tidy(at_ms(501));
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 101"));
  EXPECT_FALSE(table.waits());
}

TEST_F(Upgrades, OfAnotherProcessOrAClientItIsNotStreamOne) {
  upgrade(1, Role::client);
  upgrade(1, Role::server, {42, 1, 1});
  begin_http2(2, 0xf, 0xcc, 1);
  table.flush(at_ms(3));
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 101", "http GET /a 101"));
}

TEST_F(Upgrades, OnlySoManyAreHeld) {
  for (std::size_t n = 0; n <= kMaxUpgraded; ++n) upgrade(1);
  EXPECT_EQ(sink.exchanges.size(), kMaxUpgraded);
  table.flush(at_ms(2));
  EXPECT_EQ(sink.in_flight(), 0U);
  EXPECT_EQ(sink.ended_twice, 0U);
}

// http.ErrAbortHandler: the handler gives its answer up, and the client sees a broken connection.
TEST_F(ServerCalls, AHandlerThatAbortsHasNoAnswer) {
  begin_tls(1, 1, 0xa);
  abort_in(2, 0xa, "/a");
  table.tidy(at_ms(1001));
  EXPECT_THAT(sink.incomplete, IsEmpty());
  table.tidy(at_ms(1002));
  EXPECT_THAT(sink.exchanges, IsEmpty());
  EXPECT_EQ(sink.count(IncompleteReason::no_answer), 1U);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ServerCalls, WhoRecoversFromAnAbortAnswers) {
  begin_tls(1, 1, 0xa);
  abort_in(2, 0xa, "/a");
  end(CallKind::http1_end, 3, 0xa, "/a", 502);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 502"));
}

TEST_F(ServerCalls, AStreamWhoseHandlerAbortsHasNoAnswer) {
  begin_http2(1, 0xf, 0xcc, 7);
  abort_in(2, 0xf, "/p");
  panic_http2(3, 0xcc, 7);
  EXPECT_THAT(sink.exchanges, IsEmpty());
  EXPECT_EQ(sink.count(IncompleteReason::no_answer), 1U);
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace beyla::protocols::calls
