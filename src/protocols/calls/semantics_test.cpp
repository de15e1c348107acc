#include "protocols/calls/semantics.h"

#include <gtest/gtest.h>

#include "protocols/calls/endpoint_text.h"

namespace beyla::protocols::calls {
namespace {

TEST(CallSemantics, StatusTexts) {
  EXPECT_EQ(status_text(0), "200");
  EXPECT_EQ(status_text(100), "100");
  EXPECT_EQ(status_text(404), "404");
  EXPECT_EQ(status_text(999), "999");
  EXPECT_EQ(status_text(99), "");
  EXPECT_EQ(status_text(1000), "");
  EXPECT_EQ(status_text(~0U), "");
}

TEST(CallSemantics, PathsHaveNoQueryAndAreCut) {
  EXPECT_EQ(path_in("/a?password=1"), "/a");
  EXPECT_EQ(path_in("http://me:secret@host/b?c"), "/b");
  EXPECT_EQ(path_in("/" + std::string(5000, 'x')).size(), 1024U);
}

model::FunctionCall secretive(model::CallKind kind) {
  model::FunctionCall call;
  call.kind = kind;
  call.method = "PASSWORD";
  call.name = "me:secret@shop.example:80";
  call.target = "/cart?card=4111";
  return call;
}

TEST(CallSemantics, RecordedCallsHaveNoSecrets) {
  const auto call = without_secrets(secretive(model::CallKind::client_begin));
  EXPECT_EQ(call.method, "_OTHER");
  EXPECT_EQ(call.name, "shop.example:80");
  EXPECT_EQ(call.target, "/cart");
  auto plain = secretive(model::CallKind::client_begin);
  plain.method = "PUT";
  EXPECT_EQ(without_secrets(plain).method, "PUT");
  plain.method = "";
  EXPECT_EQ(without_secrets(plain).method, "");
}

TEST(CallSemantics, OfAHeadOnlyTheTraceParentIsRecorded) {
  const std::string value = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  auto head = secretive(model::CallKind::trace_parent);
  head.name = "";
  const std::string text =
      "GET /a?password=1 HTTP/1.1\r\nCookie: secret\r\ntraceparent: " + value + "\r\n\r\n";
  head.target = text;
  const auto call = without_secrets(head);
  EXPECT_EQ(call.name, value);
  EXPECT_EQ(call.target, "");
  EXPECT_EQ(call.method, "");
  EXPECT_EQ(trace_parent_in(call), value);
  head.target = "GET /a HTTP/1.1\r\ntraceparent: secret\r\n\r\n";
  EXPECT_EQ(without_secrets(head).name, "");
  head.target = std::string_view(text).substr(1, text.size() - 2);
  EXPECT_EQ(without_secrets(head).name, "");
  EXPECT_EQ(without_secrets(secretive(model::CallKind::trace_parent)).name, "");
}

TEST(CallSemantics, RecordedRoutesStayAsTheFrameworkSpellsThem) {
  auto route = secretive(model::CallKind::route);
  route.target = "/files/{name:[a-z]+?}";
  EXPECT_EQ(without_secrets(route).target, "/files/{name:[a-z]+?}");
}

TEST(EndpointText, ReadsWhatGoWrites) {
  const auto v4 = parse_endpoint("192.0.2.1:8080");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->address.to_string(), "192.0.2.1");
  EXPECT_EQ(v4->port, 8080);
  const auto v6 = parse_endpoint("[2001:db8::1]:443");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->address.to_string(), "2001:db8::1");
  const auto zone = parse_endpoint("[fe80::1%eth0]:443");
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->address.to_string(), "fe80::1");
  const auto mapped = parse_endpoint("[::ffff:10.0.0.1]:1");
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(mapped->address.is_v4_mapped());
}

TEST(EndpointText, RefusesEverythingElse) {
  using namespace std::string_view_literals;
  for (const auto text :
       {""sv, ":"sv, "1.2.3.4"sv, "1.2.3.4:"sv, "1.2.3.4:x"sv, "1.2.3.4:-1"sv, "1.2.3.4:65536"sv,
        "1.2.3:80"sv, "::1:80"sv, "[1.2.3.4]:80"sv, "host:80"sv, "@"sv, "[::1]80"sv,
        "1.2.3.4\0:80"sv, "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80"sv}) {
    EXPECT_FALSE(parse_endpoint(text)) << text;
  }
}

}  // namespace
}  // namespace beyla::protocols::calls
