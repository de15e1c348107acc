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

class ServerCalls : public testing::Test {
 protected:
  void begin_tls(std::int64_t ms, std::uint64_t goroutine, std::uint64_t response) {
    FunctionCall call = made_call(CallKind::http1_begin, ms, goroutine, response);
    call.tls = true;
    call.origin.context = 0xc0;
    table.on_call(call);
  }
  void end(CallKind kind, std::int64_t ms, std::uint64_t call_id, std::string_view target,
           std::uint32_t status) {
    FunctionCall call = made_call(kind, ms, 1, call_id);
    call.method = "GET";
    call.target = target;
    call.name = "10.0.0.1:5000";
    call.status = status;
    call.request_bytes = 7;
    table.on_call(call);
  }
  void begin_http2(std::int64_t ms, std::uint64_t writer, std::uint64_t owner, std::uint32_t stream,
                   std::uint64_t context = 0) {
    FunctionCall call = made_call(CallKind::http2_begin, ms, 0x1000 + writer, writer);
    call.origin.context = context;
    call.owner = owner;
    call.status = stream;
    table.on_call(call);
  }
  void panic_in(std::int64_t ms, std::uint64_t call_id, std::string_view target) {
    FunctionCall call = made_call(CallKind::panic, ms, 1, call_id);
    call.method = "GET";
    call.target = target;
    call.name = "10.0.0.1:5000";
    table.on_call(call);
  }
  void abort_in(std::int64_t ms, std::uint64_t call_id, std::string_view target) {
    FunctionCall call = made_call(CallKind::panic, ms, 1, call_id);
    call.method = "GET";
    call.target = target;
    call.failed = true;
    table.on_call(call);
  }
  void announce(std::int64_t ms, std::uint64_t owner, std::uint32_t stream,
                std::string_view value) {
    FunctionCall call = made_call(CallKind::trace_parent, ms, 5);
    call.owner = owner;
    call.status = stream;
    call.name = value;
    table.on_call(call);
  }
  void panic_http2(std::int64_t ms, std::uint64_t owner, std::uint32_t stream) {
    FunctionCall call = made_call(CallKind::http2_panic, ms, 1);
    call.owner = owner;
    call.status = stream;
    table.on_call(call);
  }
  void begin_grpc(std::int64_t ms, std::uint64_t stream, std::uint64_t outer = 0) {
    FunctionCall call = made_call(CallKind::grpc_begin, ms, 2, stream);
    call.origin.ancestors = {0xc9, outer};
    call.target = "/shop.Cart/Add";
    call.name = "10.0.0.1:5000";
    table.on_call(call);
  }
  void end_grpc(std::int64_t ms, std::uint64_t stream, std::uint32_t code,
                std::uint64_t writer = 0) {
    FunctionCall call = made_call(CallKind::grpc_end, ms, 2, stream);
    call.status = code;
    call.in_http = writer != 0;
    call.origin.context = writer;
    table.on_call(call);
  }

  KeepingSink sink;
  CallTable table{sink};
};

TEST_F(ServerCalls, Http1BehindTls) {
  table.on_opened({at_ms(0), made_connection(9, Role::server, 443, 5000), kGoProcess});
  begin_tls(1, 1, 0xa);
  ASSERT_EQ(sink.begun.size(), 1U);
  EXPECT_EQ(sink.begun[0].process, kGoProcess);
  EXPECT_EQ(sink.begun[0].role, Role::server);
  EXPECT_EQ(sink.begun[0].time, at_ms(1));
  ASSERT_TRUE(sink.begun[0].origin);
  EXPECT_EQ(sink.begun[0].origin->goroutine_id, 1001U);
  end(CallKind::http1_end, 5, 0xa, "/a?token=1", 404);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 404"));
  const model::Exchange& exchange = sink.exchanges.at(0);
  EXPECT_EQ(exchange.request, 1U);
  EXPECT_EQ(exchange.connection, 9U);
  EXPECT_EQ(exchange.local.port, 443);
  EXPECT_EQ(exchange.remote.port, 5000);
  EXPECT_EQ(exchange.received, at_ms(1));
  EXPECT_EQ(exchange.end, at_ms(5));
  EXPECT_EQ(exchange.arrival, std::nullopt);
  EXPECT_EQ(exchange.request_body_bytes, 7U);
  EXPECT_EQ(exchange.role, Role::server);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ServerCalls, WithoutItsConnectionTheClientIsKnownAndTheServersPortIsNot) {
  begin_tls(1, 1, 0xa);
  end(CallKind::http1_end, 5, 0xa, "/", 200);
  EXPECT_EQ(sink.exchanges.at(0).remote.port, 5000);
  EXPECT_EQ(sink.exchanges.at(0).local.port, 0);
}

TEST_F(ServerCalls, PlainHttp1IsLeftToTheSocket) {
  table.on_call(made_call(CallKind::http1_begin, 1, 1, 0xa));
  EXPECT_THAT(sink.begun, IsEmpty());
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ServerCalls, AHandlerThatSetsNoStatusAnswers200) {
  begin_tls(1, 1, 0xa);
  end(CallKind::http1_end, 2, 0xa, "/a", 0);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /a 200"));
}

TEST_F(ServerCalls, UnknownMethodsAreOther) {
  begin_tls(1, 1, 0xa);
  FunctionCall call = made_call(CallKind::http1_end, 2, 1, 0xa);
  call.method = "BREW";
  call.target = "/";
  table.on_call(call);
  EXPECT_THAT(sink.lines(), ElementsAre("http _OTHER / 200"));
}

TEST_F(ServerCalls, AnEndBeforeItsBeginLastsNoTime) {
  begin_tls(5, 1, 0xa);
  end(CallKind::http1_end, 2, 0xa, "/a", 200);
  EXPECT_EQ(sink.exchanges.at(0).end, at_ms(5));
}

TEST_F(ServerCalls, EndsWithoutBeginsAreUnpaired) {
  end(CallKind::http1_end, 2, 0xa, "/a", 200);
  end(CallKind::http2_end, 2, 0xa, "/a", 200);
  EXPECT_EQ(sink.unpaired, 2U);
  EXPECT_THAT(sink.exchanges, IsEmpty());
}

TEST_F(ServerCalls, TheSameNameAgainMeansThatTheEndWasLost) {
  begin_tls(1, 1, 0xa);
  begin_tls(2, 2, 0xa);
  EXPECT_EQ(sink.count(IncompleteReason::gap), 1U);
  end(CallKind::http1_end, 3, 0xa, "/b", 200);
  EXPECT_EQ(sink.exchanges.at(0).received, at_ms(2));
  EXPECT_EQ(sink.in_flight(), 0U);
}

TEST_F(ServerCalls, AGoroutineServesOneRequestAtATime) {
  begin_tls(1, 1, 0xa);
  begin_tls(2, 1, 0xb);
  EXPECT_EQ(sink.count(IncompleteReason::gap), 1U);
  table.on_call(made_call(CallKind::http1_begin, 3, 1, 0xc));  // plain
  EXPECT_EQ(sink.count(IncompleteReason::gap), 2U);
}

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

TEST_F(ServerCalls, Http2StreamsOfOneConnection) {
  begin_http2(1, 0xa, 0xcc, 1);
  begin_http2(2, 0xb, 0xcc, 3);
  end(CallKind::http2_end, 3, 0xb, "/b", 201);
  end(CallKind::http2_end, 4, 0xa, "/a", 0);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /b 201", "http GET /a 200"));
  EXPECT_EQ(sink.exchanges[0].received, at_ms(2));
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

TEST_F(ServerCalls, TheSameStreamAgainMeansThatTheEndWasLost) {
  begin_http2(1, 0xa, 0xcc, 1);
  begin_http2(2, 0xb, 0xcc, 1);
  EXPECT_EQ(sink.count(IncompleteReason::gap), 1U);
  panic_http2(3, 0xcc, 1);
  EXPECT_EQ(sink.exchanges.at(0).received, at_ms(2));
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ServerCalls, GrpcHasItsMethodAndCode) {
  table.on_opened({at_ms(0), made_connection(9, Role::server, 443, 5000), kGoProcess});
  begin_grpc(1, 0xa);
  end_grpc(4, 0xa, 5);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  5"));
  EXPECT_EQ(sink.exchanges[0].local.port, 443);
  end_grpc(5, 0xa, 13);  // the first counts
  EXPECT_EQ(sink.exchanges.size(), 1U);
  EXPECT_EQ(sink.unpaired, 0U);
  EXPECT_EQ(table.counters().unmatched_ends.value(), 1U);
}

TEST_F(ServerCalls, GrpcBehindNetHttpIsOneRpc) {
  begin_http2(1, 0xf, 0xcc, 1);
  begin_grpc(2, 0xa);
  end_grpc(3, 0xa, 0, 0xf);
  EXPECT_EQ(sink.withdrawn, 1U);
  end(CallKind::http2_end, 4, 0xf, "/shop.Cart/Add", 200);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  0"));
  EXPECT_EQ(sink.in_flight(), 0U);
  EXPECT_EQ(sink.unpaired, 0U);
  EXPECT_EQ(table.size(), 0U);
}

// The client has given up.
TEST_F(ServerCalls, GrpcBehindNetHttpThatReturnsFirstIsOneRpc) {
  begin_http2(1, 0xf, 0xcc, 1, 0xc1);
  begin_grpc(2, 0xa, 0xc1);
  EXPECT_EQ(sink.withdrawn, 1U);
  end(CallKind::http2_end, 3, 0xf, "/shop.Cart/Add", 200);
  end_grpc(4, 0xa, 1, 0xf);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  1"));
  EXPECT_EQ(sink.in_flight(), 0U);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ServerCalls, GrpcBehindNetHttpWhoseBeginWasLostIsOneRpc) {
  begin_http2(1, 0xf, 0xcc, 1);
  end_grpc(3, 0xa, 7, 0xf);
  end(CallKind::http2_end, 4, 0xf, "/shop.Cart/Add", 200);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  7"));
}

TEST_F(ServerCalls, GrpcBehindNetHttpWhoseHttpBeginWasLostIsOneRpc) {
  begin_grpc(2, 0xa);
  end_grpc(3, 0xa, 0, 0xf);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc /shop.Cart/Add  0"));
  EXPECT_EQ(sink.in_flight(), 0U);
}

TEST_F(ServerCalls, GrpcBehindNetHttpWhoseHttpEndWasLostLeavesNothing) {
  begin_http2(1, 0xf, 0xcc, 1);
  begin_grpc(2, 0xa);
  end_grpc(3, 0xa, 0, 0xf);
  begin_http2(4, 0xf, 0xcc, 3);
  EXPECT_THAT(sink.incomplete, IsEmpty());
  EXPECT_EQ(sink.in_flight(), 1U);
}

TEST_F(ServerCalls, AMethodThatTheServerDoesNotKnowIsOther) {
  begin_grpc(1, 0xa);
  end_grpc(2, 0xa, 12);
  begin_grpc(3, 0xb);
  end_grpc(4, 0xb, 13);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc _OTHER /shop.Cart/Add 12", "rpc /shop.Cart/Add  13"));
}

TEST_F(ServerCalls, AlsoWhereItsBeginWasLost) {
  begin_http2(1, 0xf, 0xcc, 1);
  end_grpc(2, 0xa, 12, 0xf);
  end(CallKind::http2_end, 3, 0xf, "/no.Such/Method", 200);
  EXPECT_THAT(sink.lines(), ElementsAre("rpc _OTHER /no.Such/Method 12"));
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

TEST_F(ServerCalls, WhatADeadProcessBeganHasNoAnswer) {
  begin_grpc(1, 0xa);
  table.on_exited(kGoProcess, at_ms(10));
  table.tidy(at_ms(2010));
  EXPECT_EQ(table.size(), 1U);
  table.tidy(at_ms(2011));
  EXPECT_EQ(sink.count(IncompleteReason::no_answer), 1U);
  EXPECT_EQ(table.size(), 0U);
}

TEST_F(ServerCalls, OfTwoProcessesEachHasItsOwn) {
  begin_grpc(1, 0xa);
  FunctionCall other = made_call(CallKind::grpc_end, 2, 2, 0xa);
  other.process = {42, 1, 1};
  table.on_call(other);
  EXPECT_THAT(sink.exchanges, IsEmpty());
  table.on_exited({42, 1, 1}, at_ms(1));
  table.tidy(at_ms(9000));
  EXPECT_EQ(table.size(), 1U);
}

TEST_F(ServerCalls, BeginsWithoutEndStayWithinTheLimit) {
  constexpr std::uint64_t kBegins = 200'000;
  for (std::uint64_t i = 0; i < kBegins; ++i) begin_tls(1, i + 1, i + 1);
  EXPECT_EQ(table.size(), OpenCalls::kMaxOpenCalls);
  EXPECT_EQ(sink.count(IncompleteReason::limit), kBegins - OpenCalls::kMaxOpenCalls);
  EXPECT_EQ(table.counters().over_limit.value(), sink.incomplete.size());
  end(CallKind::http1_end, 2, kBegins, "/newest", 200);
  EXPECT_EQ(sink.exchanges.size(), 1U);
  table.flush(at_ms(3));
  EXPECT_EQ(sink.in_flight(), 0U);
  EXPECT_EQ(sink.ended_twice, 0U);
}

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

bool has_parent(const model::RequestBegun& begun) {
  return begun.incoming && begun.incoming->trace_id[0] == 0x0a && begun.incoming->sampled &&
         begun.incoming->span_id[7] == 0x31;
}

TEST_F(ServerCalls, AStreamTakesTheTraceThatItsHeadersName) {
  announce(1, 0x5c, 3, kParent);
  begin_http2(2, 0xa, 0x5c, 1);
  begin_http2(2, 0xb, 0x5d, 3);
  begin_http2(3, 0xc, 0x5c, 3);
  ASSERT_EQ(sink.begun.size(), 3U);
  EXPECT_FALSE(sink.begun[0].incoming);
  EXPECT_FALSE(sink.begun[1].incoming);
  EXPECT_TRUE(has_parent(sink.begun[2]));
}

TEST_F(ServerCalls, Http1BehindTlsTakesTheTraceThatItsHeadNames) {
  const std::string head = "GET / HTTP/1.1\r\ntraceparent: " + std::string(kParent) + "\r\n\r\n";
  FunctionCall call = made_call(CallKind::trace_parent, 1, 1, 0xa);
  call.target = head;
  table.on_call(call);
  begin_tls(1, 1, 0xa);
  begin_tls(2, 1, 0xb);
  ASSERT_EQ(sink.begun.size(), 2U);
  EXPECT_TRUE(has_parent(sink.begun[0]));
  EXPECT_FALSE(sink.begun[1].incoming);
}

TEST_F(ServerCalls, WhatIsNoTraceParentIsNone) {
  announce(1, 0x5c, 3, std::string("01") + std::string(kParent.substr(2)));
  begin_http2(2, 0xa, 0x5c, 3);
  EXPECT_FALSE(sink.begun.at(0).incoming);
}

TEST_F(ServerCalls, ATraceParentIsGivenOnceAndNotLate) {
  announce(1, 0x5c, 3, kParent);
  begin_http2(2, 0xa, 0x5c, 3);
  end(CallKind::http2_end, 3, 0xa, "/", 200);
  begin_http2(4, 0xa, 0x5c, 3);
  announce(10, 0x5c, 5, kParent);
  begin_http2(1011, 0xb, 0x5c, 5);
  ASSERT_EQ(sink.begun.size(), 3U);
  EXPECT_FALSE(sink.begun[1].incoming);
  EXPECT_FALSE(sink.begun[2].incoming);
}

TEST_F(ServerCalls, TrailersAnnounceNothing) {
  begin_http2(1, 0xa, 0x5c, 1);
  announce(2, 0x5c, 1, kParent);
  end(CallKind::http2_end, 3, 0xa, "/", 200);
  begin_http2(4, 0xb, 0x5c, 1);  // another connection, where the first one was
  EXPECT_FALSE(sink.begun.at(1).incoming);
}

TEST_F(ServerCalls, ACallOfGrpcTakesTheTraceOfItsStream) {
  announce(1, 0x7a, 5, kParent);
  FunctionCall call = made_call(CallKind::grpc_begin, 2, 2, 0xa);
  call.owner = 0x7a;
  call.status = 5;
  call.target = "/shop.Cart/Add";
  table.on_call(call);
  EXPECT_TRUE(has_parent(sink.begun.at(0)));
}

TEST_F(ServerCalls, ACallThatNetHttpAnswersTakesTheTraceOfTheRequest) {
  announce(1, 0x5c, 3, kParent);
  begin_http2(2, 0xf, 0x5c, 3, 0xc1);
  begin_grpc(3, 0xa, 0xc1);
  ASSERT_EQ(sink.begun.size(), 2U);
  EXPECT_TRUE(has_parent(sink.begun[1]));
}

}  // namespace
}  // namespace beyla::protocols::calls
