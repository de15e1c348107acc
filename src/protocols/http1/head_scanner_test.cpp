#include "protocols/http1/head_scanner.h"

#include <gtest/gtest.h>

#include <string>

#include "base/byte_reader.h"
#include "protocols/http1/descriptor.h"

namespace beyla::protocols::http1 {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

RequestParse request(std::string_view text) { return parse_request_head(base::as_bytes(text)); }
ResponseParse response(std::string_view text) { return parse_response_head(base::as_bytes(text)); }

TEST(HeadScanner, ReadsARequest) {
  constexpr auto kText = "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\ncOnTeNt-LeNgTh:  17 \r\n\r\nbody"sv;
  const auto parse = request(kText);
  ASSERT_EQ(parse.status, HeadStatus::complete);
  EXPECT_EQ(parse.length, kText.size() - 4);
  EXPECT_EQ(parse.head.method, "POST");
  EXPECT_EQ(parse.head.target, "/a/b?c=d");
  EXPECT_EQ(parse.head.minor_version, 1);
  EXPECT_EQ(parse.head.framing.content_length, 17U);
  EXPECT_FALSE(parse.head.framing.chunked);
  EXPECT_FALSE(parse.head.upgrade);
}

TEST(HeadScanner, ReadsAResponse) {
  const auto parse = response("HTTP/1.0 404 Not Found\nTransfer-Encoding: gzip, Chunked\n\n");
  ASSERT_EQ(parse.status, HeadStatus::complete);
  EXPECT_EQ(parse.head.status_code, 404);
  EXPECT_EQ(parse.head.minor_version, 0);
  EXPECT_TRUE(parse.head.framing.chunked);
}

struct HeadCase {
  const char* name;
  std::string text;
  HeadStatus status;
};
void PrintTo(const HeadCase& head_case, std::ostream* out) { *out << head_case.name; }
std::string name_of(const ::testing::TestParamInfo<HeadCase>& info) { return info.param.name; }

class RequestHeads : public ::testing::TestWithParam<HeadCase> {};
TEST_P(RequestHeads, AreJudged) { EXPECT_EQ(request(GetParam().text).status, GetParam().status); }

constexpr auto kComplete = HeadStatus::complete;
constexpr auto kIncomplete = HeadStatus::incomplete;
constexpr auto kInvalid = HeadStatus::invalid;

INSTANTIATE_TEST_SUITE_P(
    Table, RequestHeads,
    ::testing::Values(
        HeadCase{"minimal", "GET / HTTP/1.1\r\n\r\n", kComplete},
        HeadCase{"bare_lf", "GET / HTTP/1.1\n\n", kComplete},
        HeadCase{"two_leading_lines", "\r\n\r\nGET / HTTP/1.1\r\n\r\n", kComplete},
        HeadCase{"three_leading_lines", "\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", kInvalid},
        HeadCase{"open_line", "GET / HTTP/1.1\r", kIncomplete},
        HeadCase{"open_fields", "GET / HTTP/1.1\r\nA: b\r\n", kIncomplete},
        HeadCase{"empty", "", kIncomplete},
        HeadCase{"version_2", "GET / HTTP/2.0\r\n\r\n", kInvalid},
        HeadCase{"version_1_2", "GET / HTTP/1.2\r\n\r\n", kInvalid},
        HeadCase{"http_0_9", "GET /\r\n\r\n", kInvalid},
        HeadCase{"no_target", "GET  HTTP/1.1\r\n\r\n", kInvalid},
        HeadCase{"space_in_target", "GET /a b HTTP/1.1\r\n\r\n", kInvalid},
        HeadCase{"control_in_target", "GET /a\tb HTTP/1.1\r\n\r\n", kInvalid},
        HeadCase{"utf8_target", "GET /\xc3\xa4 HTTP/1.1\r\n\r\n", kComplete},
        HeadCase{"odd_method", "M-SEARCH * HTTP/1.1\r\n\r\n", kComplete},
        HeadCase{"method_no_token", "GE(T / HTTP/1.1\r\n\r\n", kInvalid},
        HeadCase{"method_32", std::string(32, 'A') + " / HTTP/1.1\r\n\r\n", kComplete},
        HeadCase{"method_33", std::string(33, 'A') + " / HTTP/1.1\r\n\r\n", kInvalid},
        HeadCase{"space_before_colon", "GET / HTTP/1.1\r\nA : b\r\n\r\n", kInvalid},
        HeadCase{"no_colon", "GET / HTTP/1.1\r\nA\r\n\r\n", kInvalid},
        HeadCase{"empty_name", "GET / HTTP/1.1\r\n: b\r\n\r\n", kInvalid},
        HeadCase{"nul_in_value", "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n"s, kInvalid},
        HeadCase{"cr_in_value", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", kInvalid},
        HeadCase{"fold", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", kComplete},
        HeadCase{"fold_first", "GET / HTTP/1.1\r\n c\r\n\r\n", kInvalid},
        HeadCase{"fold_length", "GET / HTTP/1.1\r\nContent-Length: 1\r\n 2\r\n\r\n", kInvalid},
        HeadCase{"lengths_equal",
                 "GET / HTTP/1.1\r\nContent-Length: 5\r\ncontent-length: 5, 5\r\n\r\n", kComplete},
        HeadCase{"lengths_differ",
                 "GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", kInvalid},
        HeadCase{"length_signed", "GET / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", kInvalid},
        HeadCase{"length_empty", "GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", kInvalid},
        HeadCase{"length_max", "GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
                 kComplete},
        HeadCase{"length_overflow",
                 "GET / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", kInvalid},
        HeadCase{"too_long", "GET / HTTP/1.1\r\nA: " + std::string(kMaxHeadBytes, 'b') + "\r\n\r\n",
                 kIncomplete}),
    name_of);

class ResponseHeads : public ::testing::TestWithParam<HeadCase> {};
TEST_P(ResponseHeads, AreJudged) { EXPECT_EQ(response(GetParam().text).status, GetParam().status); }
INSTANTIATE_TEST_SUITE_P(
    Table, ResponseHeads,
    ::testing::Values(HeadCase{"minimal", "HTTP/1.1 200 OK\r\n\r\n", kComplete},
                      HeadCase{"no_reason", "HTTP/1.1 200 \r\n\r\n", kComplete},
                      HeadCase{"no_reason_space", "HTTP/1.1 200\r\n\r\n", kComplete},
                      HeadCase{"status_099", "HTTP/1.1 099 X\r\n\r\n", kInvalid},
                      HeadCase{"status_599", "HTTP/1.1 599 X\r\n\r\n", kComplete},
                      HeadCase{"status_600", "HTTP/1.1 600 X\r\n\r\n", kInvalid},
                      HeadCase{"status_4_digits", "HTTP/1.1 2000 X\r\n\r\n", kInvalid},
                      HeadCase{"status_letters", "HTTP/1.1 2x0 X\r\n\r\n", kInvalid},
                      HeadCase{"version_2", "HTTP/2 200 OK\r\n\r\n", kInvalid},
                      HeadCase{"open", "HTTP/1.1 200 OK\r\nA: b\r\n", kIncomplete}),
    name_of);

TEST(HeadScanner, ChunkedWinsOverContentLength) {
  const auto parse =
      request("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_EQ(parse.status, HeadStatus::complete);
  EXPECT_TRUE(parse.head.framing.chunked);
}

TEST(HeadScanner, OnlyTheLastCodingCounts) {
  const auto parse =
      request("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n");
  EXPECT_FALSE(parse.head.framing.chunked);
  EXPECT_TRUE(parse.head.framing.other_coding);
}

TEST(HeadScanner, SeesUpgrade) {
  EXPECT_TRUE(request("GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\n\r\n").head.upgrade);
}

TEST(HeadScanner, KnowsAnUpgradeToHttp2) {
  const auto to_http2 = [](const std::string& field) {
    const std::string head = "HTTP/1.1 101 X\r\nConnection: Upgrade\r\n" + field + "\r\n\r\n";
    return parse_response_head(base::as_bytes(head)).head.to_http2;
  };
  EXPECT_TRUE(to_http2("Upgrade: h2c"));
  EXPECT_TRUE(to_http2("upgrade:H2C"));
  EXPECT_FALSE(to_http2("Upgrade: websocket"));
  EXPECT_FALSE(to_http2("X: h2c"));
}

TEST(HeadScanner, FirstLinesStandAlone) {
  const auto line = parse_request_line(base::as_bytes("GET /x HTTP/1.1\r\nCook"));
  ASSERT_EQ(line.status, HeadStatus::complete);
  EXPECT_EQ(line.head.target, "/x");
  EXPECT_EQ(parse_request_line(base::as_bytes("GET /x HTT")).status, HeadStatus::incomplete);
  const auto status = parse_status_line(base::as_bytes("HTTP/1.1 503 Busy\r\nSer"));
  ASSERT_EQ(status.status, HeadStatus::complete);
  EXPECT_EQ(status.head.status_code, 503);
}

TEST(HeadScanner, TakesThePathOutOfTheTarget) {
  EXPECT_EQ(path_of("/a?b#c"), "/a");
  EXPECT_EQ(path_of("http://host:80/a/b?c=/d"), "/a/b");
  EXPECT_EQ(path_of("http://host"), "/");
  EXPECT_EQ(path_of("http://host?x"), "/");
  EXPECT_EQ(path_of("/a?u=http://b/c"), "/a");
  EXPECT_EQ(path_of("*"), "*");
  EXPECT_EQ(path_of("host:443"), "host:443");
  EXPECT_EQ(path_of("/a#b?c"), "/a");
  EXPECT_EQ(path_of("http://host#b"), "/");
  EXPECT_EQ(path_of("http://user:secret@host/a"), "/a");
  EXPECT_EQ(path_of("user:secret@host:443"), "host:443");
  EXPECT_EQ(path_of("user:se@cret@host:443"), "host:443");
  EXPECT_EQ(path_of("user:se?cret@host:443"), "");
  EXPECT_EQ(path_of("user:se@c#ret@host:443"), "");
}

TEST(Detection, KnowsRequestsAndNothingElse) {
  const auto detect = [](std::string_view text) { return detect_request(base::as_bytes(text)); };
  for (const auto text : {"GET /", "CONNECT h:1", "PROPFIND /x", "FOO *", "FOO http://a"}) {
    EXPECT_EQ(detect(text), DetectResult::match) << text;
  }
  for (const auto text : {"G", "GET", "PROPFIND", "FOO ", "FOO htt"}) {
    EXPECT_EQ(detect(text), DetectResult::need_more) << text;
  }
  for (const auto text : {"PRI * HTTP/2.0\r\n", "\x16\x03\x01", "*1\r\n$4\r\nPING", "+OK\r\n",
                          " GET /", "SET key 1", "get /", "HTTP/1.1 200 OK"}) {
    EXPECT_EQ(detect(text), DetectResult::no_match) << text;
  }
  EXPECT_EQ(detect(std::string(33, 'A')), DetectResult::no_match);
}

}  // namespace
}  // namespace beyla::protocols::http1
