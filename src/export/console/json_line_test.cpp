#include "export/console/json_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/utf8.h"
#include "export/console/made_spans.h"

namespace beyla::exporters::console {
namespace {

using namespace std::chrono_literals;

model::Span served() {
  model::Span span;
  span.service.name = "shop";
  span.exchange.role = model::Role::server;
  span.exchange.arrival = kStart;
  span.exchange.end = kStart + 15'220us;
  span.exchange.received = span.exchange.end - 689'901ns;
  span.exchange.local = {v6_loopback(), 8080};
  span.exchange.remote = {v4(10, 0, 0, 7), 51234};
  span.exchange.request_body_bytes = 6;
  span.exchange.semantics = {model::MetricFamily::http, "GET", "/users/7", "200", "/users/:id"};
  span.exchange.trace.trace_id = {0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff};
  span.exchange.trace.span_id = {0xab, 0, 0, 0, 0, 0, 0, 0x0c};
  span.exchange.trace.parent_span_id = {0, 0, 0, 0, 0, 0, 0, 0x09};
  return span;
}

model::Span asked() {
  model::Span span = served();
  span.exchange.role = model::Role::client;
  span.exchange.arrival.reset();
  span.exchange.received = kStart;
  span.exchange.semantics.route.clear();
  return span;
}

std::string line(const model::Span& span) {
  std::string out = "before\n";
  append_json_line(out, span, kWallOffset);
  return out.substr(7);
}

// What stands between the key and the next one; "" where it is not there.
std::string value_of(const model::Span& span, const std::string& key) {
  const std::string text = line(span);
  const std::size_t at = text.find("\"" + key + "\":");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + key.size() + 3;
  const std::size_t next = text.find(",\"", begin);
  return text.substr(begin, (next == std::string::npos ? text.size() - 2 : next) - begin);
}

TEST(JsonLine, PrintsAServersRequest) {
  EXPECT_EQ(line(served()),
            R"({"timestamp":"2023-04-19T13:49:04.500000000Z","kind":"SERVER","service":"shop",)"
            R"("duration_ns":15220000,"handler_ns":689901,)"
            R"("trace_id":"010200000000000000000000000000ff","span_id":"ab0000000000000c",)"
            R"("parent_span_id":"0000000000000009","name":"GET /users/:id",)"
            R"("http.request.method":"GET","url.path":"/users/7","http.route":"/users/:id",)"
            R"("http.response.status_code":200,"client.address":"10.0.0.7","client.port":51234,)"
            R"("server.address":"::1","server.port":8080,"http.request.body.size":6})"
            "\n");
}

TEST(JsonLine, PrintsAnRpcWithItsFullMethod) {
  auto span = served();
  span.exchange.semantics = {model::MetricFamily::rpc, "/grpc.health.v1.Health/Check", "", "13"};
  span.exchange.trace = {};
  EXPECT_EQ(line(span),
            R"({"timestamp":"2023-04-19T13:49:04.500000000Z","kind":"SERVER","service":"shop",)"
            R"("duration_ns":15220000,"handler_ns":689901,"name":"/grpc.health.v1.Health/Check",)"
            R"("rpc.system":"grpc","rpc.method":"/grpc.health.v1.Health/Check",)"
            R"("rpc.grpc.status_code":13,"client.address":"10.0.0.7","client.port":51234,)"
            R"("server.address":"::1","server.port":8080,"error.type":"13"})"
            "\n");
}

TEST(JsonLine, PrintsAnUnknownMethodAsItsOriginal) {
  auto span = served();
  span.exchange.semantics = {model::MetricFamily::rpc, "_OTHER", "/no.Such/Method", "12"};
  EXPECT_NE(line(span).find(R"("name":"grpc","rpc.system":"grpc","rpc.method":"_OTHER",)"
                            R"("rpc.method_original":"/no.Such/Method","rpc.grpc.status_code":12)"),
            std::string::npos)
      << line(span);
}

TEST(JsonLine, PrintsAClientsRequestWithoutAnswer) {
  auto span = asked();
  span.exchange.semantics.outcome.clear();
  span.exchange.request_body_bytes.reset();
  span.exchange.local.port = 0;
  span.exchange.remote.port = 0;
  span.exchange.server_name = "shop.example:443";
  span.exchange.trace.parent_span_id = {};
  EXPECT_EQ(line(span),
            R"({"timestamp":"2023-04-19T13:49:04.500000000Z","kind":"CLIENT","service":"shop",)"
            R"("duration_ns":15220000,)"
            R"("trace_id":"010200000000000000000000000000ff","span_id":"ab0000000000000c",)"
            R"("name":"GET","http.request.method":"GET","url.path":"/users/7",)"
            R"("server.address":"shop.example","server.port":443,"error.type":"_OTHER"})"
            "\n");
}

TEST(JsonLine, AClientsServerIsWhomItAsked) {
  auto span = asked();
  EXPECT_EQ(value_of(span, "client.address"), "\"::1\"");
  EXPECT_EQ(value_of(span, "client.port"), "8080");
  EXPECT_EQ(value_of(span, "server.address"), "\"10.0.0.7\"");
  EXPECT_EQ(value_of(span, "server.port"), "51234");
  span.exchange.server_name = "shop";
  EXPECT_EQ(value_of(span, "server.address"), "\"shop\"");
  EXPECT_EQ(value_of(span, "server.port"), "51234");
  span.exchange.remote.port = 0;
  EXPECT_EQ(value_of(span, "server.port"), "");
  span.exchange.server_name = "[::1]:90";
  EXPECT_EQ(value_of(span, "server.address"), "\"::1\"");
  EXPECT_EQ(value_of(span, "server.port"), "90");
  span.exchange.server_name.clear();
  EXPECT_EQ(value_of(span, "server.address"), "");
}

TEST(JsonLine, WhatIsUnknownIsLeftOut) {
  const std::string text = line({});
  EXPECT_EQ(text, R"({"timestamp":"2023-04-19T13:32:24.500000000Z","service":"","duration_ns":0,)"
                  R"("handler_ns":0,"name":"","http.request.method":"","error.type":"_OTHER"})"
                  "\n");
}

TEST(JsonLine, ErrorsAreNamedByTheirStatus) {
  auto span = served();
  span.exchange.semantics.outcome = "404";
  EXPECT_EQ(value_of(span, "error.type"), "");
  span.exchange.role = model::Role::client;
  EXPECT_EQ(value_of(span, "error.type"), "\"404\"");
}

TEST(JsonLine, AnUnregisteredMethodIsNotInTheName) {
  auto span = served();
  span.exchange.semantics.operation = "_OTHER";
  EXPECT_EQ(value_of(span, "name"), "\"HTTP /users/:id\"");
  EXPECT_EQ(value_of(span, "http.request.method"), "\"_OTHER\"");
}

TEST(JsonLine, StartsAtTheArrivalElseAtTheReceiveAndIsNeverNegative) {
  auto span = served();
  span.exchange.arrival.reset();
  span.exchange.received = kStart + 86'400s * 300 + 1ns;
  EXPECT_EQ(value_of(span, "timestamp"), "\"2024-02-13T13:49:04.500000001Z\"");
  EXPECT_EQ(value_of(span, "duration_ns"), "0") << "it ended before it began";
  EXPECT_EQ(value_of(span, "handler_ns"), "0");
}

// Every text may hold anything: each line stays one line of well-formed text, and what a JSON
// reader takes for the end of a text is ours.
TEST(JsonLine, HostileTextsStayWithinTheirQuotes) {
  std::mt19937 random(7);
  const auto noise = [&] {
    static constexpr std::string_view kSharp = "\"\\\n\x1b\x7f\xc2\x9b\xe2\x80\xa8\xff{}:,u";
    std::string text(random() % 40, '\0');
    for (char& c : text) {
      c = random() % 2 == 0 ? kSharp[random() % kSharp.size()] : static_cast<char>(random());
    }
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    auto span = round % 2 == 0 ? served() : asked();
    if (round % 3 == 0) span.exchange.semantics.family = model::MetricFamily::rpc;
    span.service.name = noise();
    auto& semantics = span.exchange.semantics;
    for (std::string* text : {&semantics.operation, &semantics.target, &semantics.outcome,
                              &semantics.route, &span.exchange.server_name}) {
      *text = noise();
    }
    const std::string text = line(span);
    ASSERT_EQ(text.find('\n'), text.size() - 1);
    bool is_inside = false;
    for (std::size_t at = 0; at + 1 < text.size();) {
      const std::size_t length = base::utf8_length(std::string_view(text).substr(at));
      ASSERT_GT(length, 0U) << text;
      const auto byte = static_cast<unsigned char>(text[at]);
      ASSERT_TRUE(byte >= 0x20 && byte != 0x7f) << text;
      ASSERT_FALSE(byte == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0) << text;
      if (text[at] == '\\') {
        ASSERT_TRUE(is_inside) << text;
        at += 2;
        continue;
      }
      if (text[at] == '"') is_inside = !is_inside;
      if (!is_inside) {
        ASSERT_NE(std::string_view("{}\",:0123456789").find(text[at]), std::string_view::npos)
            << text;
      }
      at += length;
    }
    ASSERT_FALSE(is_inside) << text;
  }
}

}  // namespace
}  // namespace beyla::exporters::console
