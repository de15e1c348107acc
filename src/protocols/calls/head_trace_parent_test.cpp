#include "protocols/calls/head_trace_parent.h"

#include <gtest/gtest.h>

#include <string>

namespace beyla::protocols::calls {
namespace {

const std::string kRequestLine = "GET /a HTTP/1.1\r\n";
const std::string kHost = "Host: shop\r\n";
const std::string kField = "traceparent: 00-1\r\n";
const std::string kEnd = "\r\n";

std::string found(const std::string& text) { return std::string(trace_parent_in_head(text)); }

TEST(HeadTraceParent, StandsInAnyLine) {
  EXPECT_EQ(found(kRequestLine + kField + kEnd), "00-1");
  EXPECT_EQ(found(kRequestLine + kHost + kField + kHost + kEnd), "00-1");
  EXPECT_EQ(found("POST /a HTTP/1.0\r\n" + kHost + kField + kEnd), "00-1");
  EXPECT_EQ(found(kRequestLine + "TraceParent:\t00-2 \r\n" + kEnd), "00-2");
  EXPECT_EQ(found(kRequestLine + kHost + kEnd), "");
}

TEST(HeadTraceParent, OtherNamesAreOthers) {
  EXPECT_EQ(found(kRequestLine + "traceparents: 1\r\n" + kEnd), "");
  EXPECT_EQ(found(kRequestLine + "traceparent : 1\r\n" + kEnd), "");
  EXPECT_EQ(found(kRequestLine + "x-traceparent: 1\r\n" + kEnd), "");
  EXPECT_EQ(found(kRequestLine + "traceparent\r\n" + kEnd), "");
}

TEST(HeadTraceParent, SeveralAreNone) {
  EXPECT_EQ(found(kRequestLine + kField + kField + kEnd), "");
}

TEST(HeadTraceParent, WhatStandsBeforeTheHeadIsAnothers) {
  const std::string other = kRequestLine + kField + kEnd;
  EXPECT_EQ(found(other + kRequestLine + kHost + kEnd), "");
  EXPECT_EQ(found("body" + other + kRequestLine + kField + kEnd), "00-1");
  EXPECT_EQ(found(kField + kRequestLine + kHost + kEnd), "");
}

TEST(HeadTraceParent, AHeadMustBeWhole) {
  EXPECT_EQ(found(kRequestLine + kField), "");
  EXPECT_EQ(found(kField + kEnd), "");
  EXPECT_EQ(found("/1.1\r\n" + kField + kEnd), "");
  EXPECT_EQ(found(" HTTP/1.1\r\n" + kField + kEnd), "00-1");  // cut within its first line
  EXPECT_EQ(found(kRequestLine + kEnd + kField + kEnd), "");
  EXPECT_EQ(found(""), "");
  EXPECT_EQ(found("\r\n\r\n"), "");
}

TEST(HeadTraceParent, FoldedLinesAreDoubtful) {
  EXPECT_EQ(found(kRequestLine + kField + " 2\r\n" + kEnd), "");
}

}  // namespace
}  // namespace beyla::protocols::calls
