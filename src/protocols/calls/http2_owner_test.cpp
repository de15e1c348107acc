#include <gtest/gtest.h>

#include "base/byte_reader.h"
#include "protocols/calls/made_calls.h"
#include "protocols/http2/http2_parser.h"
#include "protocols/http2/http2_talk.h"

namespace beyla::protocols::calls {
namespace {

using model::CallKind;
using model::Role;

model::RequestBegun on_socket(Role role, bool is_rpc) {
  model::RequestBegun begun;
  begun.process = kGoProcess;
  begun.role = role;
  begun.is_http2 = true;
  begun.is_rpc = is_rpc;
  return begun;
}

model::Exchange answered(model::RequestId id, Role role, bool is_rpc) {
  model::Exchange exchange;
  exchange.request = id;
  exchange.process = kGoProcess;
  exchange.role = role;
  exchange.is_http2 = true;
  exchange.semantics.family = is_rpc ? model::MetricFamily::rpc : model::MetricFamily::http;
  exchange.semantics.operation = "socket";
  return exchange;
}

model::FunctionCall stream_call(CallKind kind, std::int64_t ms, std::uint32_t number) {
  model::FunctionCall call = made_call(kind, ms, 5, 77);
  call.owner = 9;
  call.status = number;
  call.method = "GET";
  call.target = "/a";
  return call;
}

TEST(Http2Owner, ServedStreamsAreToldOnce) {
  KeepingSink sink;
  CallTable table(sink);
  const auto first = table.on_begun(on_socket(Role::server, false));
  EXPECT_NE(first, model::kToldByOthers);
  table.on_call(stream_call(CallKind::http2_begin, 1, 1));
  table.on_exchange(answered(first, Role::server, false));
  table.on_call(stream_call(CallKind::http2_end, 2, 200));
  EXPECT_EQ(sink.lines(), std::vector<std::string>{"http GET /a 200"});
  EXPECT_EQ(sink.withdrawn, 1U);
  EXPECT_EQ(table.on_begun(on_socket(Role::server, false)), model::kToldByOthers);
  EXPECT_EQ(sink.in_flight(), 0U);
  EXPECT_EQ(sink.ended_twice, 0U);
}

TEST(Http2Owner, WhatASocketGivesUpIsNotCountedEither) {
  KeepingSink sink;
  CallTable table(sink);
  const auto first = table.on_begun(on_socket(Role::server, true));
  model::FunctionCall call = stream_call(CallKind::grpc_begin, 1, 1);
  call.target = "/p.S/M";
  table.on_call(call);
  const model::Exchange exchange = answered(first, Role::server, true);
  table.on_incomplete(
      {kGoProcess, Role::server, model::IncompleteReason::no_answer, at_ms(2), first, &exchange});
  EXPECT_TRUE(sink.incomplete.empty());
  EXPECT_EQ(sink.withdrawn, 1U);
}

TEST(Http2Owner, OfAClientOnlyItsCallsOfGrpc) {
  KeepingSink sink;
  CallTable table(sink);
  model::FunctionCall call = stream_call(CallKind::grpc_client_begin, 1, 0);
  table.on_call(call);
  EXPECT_EQ(table.on_begun(on_socket(Role::client, true)), model::kToldByOthers);
  EXPECT_NE(table.on_begun(on_socket(Role::client, false)), model::kToldByOthers);
  EXPECT_NE(table.on_begun(on_socket(Role::server, true)), model::kToldByOthers);
}

TEST(Http2Owner, OtherProcessesAreTheirSockets) {
  KeepingSink sink;
  CallTable table(sink);
  table.on_call(stream_call(CallKind::http2_begin, 1, 1));
  model::RequestBegun other = on_socket(Role::server, false);
  other.process.pid = 99;
  EXPECT_NE(table.on_begun(other), model::kToldByOthers);
  model::RequestBegun http1 = on_socket(Role::server, false);
  http1.is_http2 = false;
  EXPECT_NE(table.on_begun(http1), model::kToldByOthers);
}

// Once it is told so a parser lets go of the connection.
TEST(Http2Owner, ParsersStopReading) {
  KeepingSink sink;
  CallTable table(sink);
  model::ConnectionInfo connection = made_connection(1, Role::server, 80, 90);
  http2::Http2Parser parser(connection, table);
  http2::Peer client;
  std::uint64_t offset = 0;
  const auto ask = [&](const std::string& text) {
    session::Segment segment;
    segment.offset = offset;
    segment.bytes = base::as_bytes(text);
    segment.process = kGoProcess;
    segment.starts_record = true;
    parser.on_bytes(segment);
    offset += text.size();
  };
  ask(http2::preface());
  ask(client.get(1, "/a"));
  table.on_call(stream_call(CallKind::http2_begin, 1, 1));
  EXPECT_TRUE(parser.wants_more());
  ask(client.get(3, "/b"));
  EXPECT_FALSE(parser.wants_more());
  EXPECT_EQ(sink.withdrawn, 1U);
  EXPECT_EQ(sink.in_flight(), 1U);  // the call
}

}  // namespace
}  // namespace beyla::protocols::calls
