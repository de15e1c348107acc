#include "protocols/http1/trace_parent.h"

#include <gtest/gtest.h>

#include <string>

#include "base/byte_reader.h"
#include "protocols/http1/head_scanner.h"

namespace beyla::protocols::http1 {
namespace {

constexpr std::string_view kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceParent, ReadsTheExampleOfTheStandard) {
  const auto parent = parse_trace_parent(kGood);
  ASSERT_TRUE(parent);
  EXPECT_EQ(parent->trace_id, (model::TraceId{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84,
                                              0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}));
  EXPECT_EQ(parent->span_id, (model::SpanId{0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31}));
  EXPECT_TRUE(parent->sampled);
}

TEST(TraceParent, OnlyTheLowestFlagMeansSampled) {
  std::string value(kGood);
  value.replace(53, 2, "fe");
  EXPECT_FALSE(parse_trace_parent(value)->sampled);
  value.replace(53, 2, "ff");
  EXPECT_TRUE(parse_trace_parent(value)->sampled);
}

TEST(TraceParent, RefusesEveryByteThatIsNotAsItMust) {
  for (std::size_t at = 0; at < kGood.size(); ++at) {
    for (const char wrong : {'A', 'g', ' ', '-', '/', ':', '`', '\0'}) {
      std::string value(kGood);
      if (value[at] == wrong) continue;
      value[at] = wrong;
      EXPECT_FALSE(parse_trace_parent(value)) << value;
    }
  }
}

TEST(TraceParent, RefusesOtherLengthsVersionsAndZeros) {
  for (std::size_t size = 0; size < kGood.size(); ++size) {
    EXPECT_FALSE(parse_trace_parent(kGood.substr(0, size))) << size;
  }
  EXPECT_FALSE(parse_trace_parent(std::string(kGood) + "-00"));
  EXPECT_FALSE(parse_trace_parent("01" + std::string(kGood.substr(2))));
  EXPECT_FALSE(parse_trace_parent("ff" + std::string(kGood.substr(2))));
  EXPECT_FALSE(parse_trace_parent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
  EXPECT_FALSE(parse_trace_parent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
}

std::optional<model::TraceParent> parent_of(const std::string& fields) {
  const std::string head = "GET / HTTP/1.1\r\n" + fields + "\r\n";
  const RequestParse parse = parse_request_head(base::as_bytes(head));
  EXPECT_EQ(parse.status, HeadStatus::complete);
  return parse.head.trace_parent;
}

TEST(TraceParent, IsFoundInAHead) {
  const std::string value(kGood);
  EXPECT_TRUE(parent_of("Host: a\r\ntraceparent: " + value + "\r\nAccept: b\r\n"));
  EXPECT_TRUE(parent_of("TraceParent:\t" + value + " \r\n"));
  EXPECT_FALSE(parent_of("Host: a\r\n"));
  EXPECT_FALSE(parent_of("tracestate: " + value + "\r\n"));
  EXPECT_FALSE(parent_of("traceparent: nonsense\r\n"));
}

TEST(TraceParent, OfSeveralNoneIsBelieved) {
  const std::string field = "traceparent: " + std::string(kGood) + "\r\n";
  EXPECT_FALSE(parent_of(field + field));
  EXPECT_FALSE(parent_of(field + field + field));
  EXPECT_FALSE(parent_of(field + "traceparent: x\r\n"));
  EXPECT_FALSE(parent_of("traceparent: x\r\n" + field));
  EXPECT_FALSE(parent_of(field + " folded\r\n"));
}

}  // namespace
}  // namespace beyla::protocols::http1
