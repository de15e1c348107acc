#include "export/console/trace_line.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "export/console/made_spans.h"

namespace beyla::exporters::console {
namespace {

using namespace std::chrono_literals;

model::Span hello() {
  model::Span span;
  span.exchange.arrival = kStart;
  span.exchange.end = kStart + 15'220us;
  span.exchange.received = span.exchange.end - 689'900ns;
  span.exchange.local = {v6_loopback(), 8080};
  span.exchange.remote = {v6_loopback(), 51234};
  span.exchange.request_body_bytes = 0;
  span.exchange.semantics = {model::MetricFamily::http, "GET", "/hello", "200"};
  return span;
}

class TraceLine : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  static std::string line(const model::Span& span) {
    std::string out;
    append_trace_line(out, span, kWallOffset);
    return out;
  }
};

TEST_F(TraceLine, PrintsTheDocumentedLine) {
  EXPECT_EQ(line(hello()),
            "2023-04-19 13:49:04 (15.22ms[689.9µs]) 200 GET /hello [::1]->[localhost:8080] "
            "size:0B\n");
}

TEST_F(TraceLine, NamesAddressesOutsideLoopback) {
  auto span = hello();
  span.exchange.local = {v4(10, 0, 0, 7), 80};
  span.exchange.remote = {v4(127, 0, 0, 1), 4};
  EXPECT_NE(line(span).find(" [127.0.0.1]->[10.0.0.7:80] "), std::string::npos);
}

model::IpAddress v6_documentation() {  // 2001:db8::1, RFC 3849
  model::IpAddress address;
  address.bytes = {0x20, 0x01, 0x0d, 0xb8};
  address.bytes.back() = 1;
  return address;
}

TEST_F(TraceLine, BracketsAnIpv6HostBeforeItsPort) {
  auto span = hello();
  span.exchange.local = {v6_documentation(), 8080};
  span.exchange.remote = {v6_documentation(), 51234};
  EXPECT_NE(line(span).find(" [2001:db8::1]->[[2001:db8::1]:8080] "), std::string::npos);
}

TEST_F(TraceLine, AClientsArrowGoesToTheServer) {
  auto span = hello();
  span.exchange.role = model::Role::client;
  span.exchange.arrival.reset();
  span.exchange.received = kStart;
  span.exchange.local = {v4(10, 0, 0, 7), 51234};
  span.exchange.remote = {v4(10, 0, 0, 8), 8080};
  EXPECT_EQ(line(span),
            "2023-04-19 13:49:04 (15.22ms[15.22ms]) 200 GET /hello [10.0.0.7]->[10.0.0.8:8080] "
            "size:0B\n");
  span.exchange.local = {v6_loopback(), 51234};
  span.exchange.remote = {v6_loopback(), 8080};
  EXPECT_NE(line(span).find(" [::1]->[localhost:8080] "), std::string::npos);
}

TEST_F(TraceLine, AnRpcShowsItsCodeAndFullMethod) {
  auto span = hello();
  span.exchange.semantics = {model::MetricFamily::rpc, "/grpc.health.v1.Health/Check", "", "0"};
  span.exchange.request_body_bytes.reset();
  EXPECT_EQ(line(span),
            "2023-04-19 13:49:04 (15.22ms[689.9µs]) 0 /grpc.health.v1.Health/Check "
            "[::1]->[localhost:8080] size:?B\n");
  span.exchange.semantics.outcome.clear();
  EXPECT_NE(line(span).find("]) ? /grpc.health"), std::string::npos) << "0 would be OK";
}

TEST_F(TraceLine, WithoutAnAnswerTheStatusIsZero) {
  auto span = hello();
  span.exchange.role = model::Role::client;
  span.exchange.semantics.outcome.clear();
  EXPECT_NE(line(span).find("]) 0 GET /hello ["), std::string::npos);
}

TEST_F(TraceLine, UnknownEndpointsAreQuestionMarks) {
  auto span = hello();
  span.exchange.remote.port = 0;
  EXPECT_NE(line(span).find(" /hello [?]->[localhost:8080] "), std::string::npos);
  span.exchange.local.port = 0;
  EXPECT_NE(line(span).find(" /hello [?]->[?] "), std::string::npos);
}

TEST_F(TraceLine, AClientNamesWhomItAskedWhereTheEndpointIsUnknown) {
  auto span = hello();
  span.exchange.role = model::Role::client;
  span.exchange.server_name = "shop.example:443";
  EXPECT_NE(line(span).find(" [::1]->[localhost:51234] "), std::string::npos);
  span.exchange.remote.port = 0;
  EXPECT_NE(line(span).find(" [::1]->[shop.example:443] "), std::string::npos);
  span.exchange.local.port = 0;
  span.exchange.server_name = "a\x1b]0;\n";
  EXPECT_NE(line(span).find(R"( [?]->[a\x1b]0;\x0a] )"), std::string::npos);
}

TEST_F(TraceLine, WithoutArrivalStartsAtReceive) {
  auto span = hello();
  span.exchange.arrival.reset();
  span.exchange.received = kStart + 600ms;
  span.exchange.end = kStart + 603ms;
  EXPECT_EQ(line(span).substr(0, 32), "2023-04-19 13:49:05 (3ms[3ms]) 2");
}

TEST_F(TraceLine, FollowsTheClockAndReusesTheSecond) {
  auto span = hello();
  const std::string first = line(span);
  EXPECT_EQ(line(span), first);
  *span.exchange.arrival += 1s;
  EXPECT_EQ(line(span).substr(0, 19), "2023-04-19 13:49:05");
  *span.exchange.arrival -= 1s;
  EXPECT_EQ(line(span).substr(0, 19), "2023-04-19 13:49:04");
}

TEST_F(TraceLine, UnknownSizeIsAQuestionMark) {
  auto span = hello();
  span.exchange.request_body_bytes.reset();
  EXPECT_TRUE(line(span).ends_with(" size:?B\n"));
}

TEST_F(TraceLine, EscapesWhatATerminalWouldObey) {
  auto span = hello();
  span.exchange.semantics.target = "/a\x1b[2J\n\\\xc3\xa9\x7f~ ";
  span.exchange.semantics.operation = "G\x01";
  EXPECT_NE(line(span).find(R"(200 G\x01 /a\x1b[2J\x0a\\xc3\xa9\x7f~  [)"), std::string::npos);
}

}  // namespace
}  // namespace beyla::exporters::console
