#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/calls/reporting_server.h"

namespace beyla::protocols::calls {
namespace {

using model::IncompleteReason;
using testing::ElementsAre;
using testing::IsEmpty;

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

TEST_F(ServerCalls, Http2StreamsOfOneConnection) {
  begin_http2(1, 0xa, 0xcc, 1);
  begin_http2(2, 0xb, 0xcc, 3);
  end(CallKind::http2_end, 3, 0xb, "/b", 201);
  end(CallKind::http2_end, 4, 0xa, "/a", 0);
  EXPECT_THAT(sink.lines(), ElementsAre("http GET /b 201", "http GET /a 200"));
  EXPECT_EQ(sink.exchanges[0].received, at_ms(2));
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
