#include "export/prometheus/text_format.h"

#include <gtest/gtest.h>

#include <limits>

namespace beyla::exporters::prometheus {
namespace {

std::string label_value(std::string_view raw) {
  std::string out;
  append_label_value(out, raw);
  return out;
}

std::string number(double value) {
  std::string out;
  append_number(out, value);
  return out;
}

TEST(TextFormat, EscapesLabelValues) {
  EXPECT_EQ(label_value("a\\b\"c\nd\te"), "a\\\\b\\\"c\\nd\te");
  EXPECT_EQ(label_value("é€😀"), "é€😀");
}

TEST(TextFormat, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(label_value("\xff"), "\ufffd");
  EXPECT_EQ(label_value("a\xc3"), "a\ufffd");
  EXPECT_EQ(label_value("\xc3(x"), "\ufffd(x");
  EXPECT_EQ(label_value("\xc0\xaf"), "\ufffd\ufffd");                      // overlong
  EXPECT_EQ(label_value("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");            // surrogate
  EXPECT_EQ(label_value("\xe2\x82"), "\ufffd\ufffd");                      // cut
  EXPECT_EQ(label_value("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd");  // above U+10FFFF
}

TEST(TextFormat, PrintsShortestNumbers) {
  EXPECT_EQ(number(0), "0");
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(number(1700000123.45), "1700000123.45");
  EXPECT_EQ(number(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(number(-std::numeric_limits<double>::infinity()), "-Inf");
  EXPECT_EQ(number(std::numeric_limits<double>::quiet_NaN()), "NaN");
}

TEST(TextFormat, WritesNothingWithoutSamples) {
  std::string out;
  append_samples(out, {});
  EXPECT_EQ(out, "");
}

TEST(TextFormat, GroupsSamplesByName) {
  const std::vector<Sample> samples = {
      {"b_total",
       "has \"b\"\\\n",
       Sample::Type::counter,
       {{"x", "1"}, {"y", "\n"}},
       std::uint64_t{7}},
      {"a", "has a", Sample::Type::gauge, {}, 0.5},
      {"b_total",
       "ignored",
       Sample::Type::counter,
       {{"x", "2"}},
       std::numeric_limits<std::uint64_t>::max()},
  };
  std::string out;
  append_samples(out, samples);
  EXPECT_EQ(out,
            "# HELP b_total has \"b\"\\\\\\n\n"
            "# TYPE b_total counter\n"
            "b_total{x=\"1\",y=\"\\n\"} 7\n"
            "b_total{x=\"2\"} 18446744073709551615\n"
            "# HELP a has a\n"
            "# TYPE a gauge\n"
            "a 0.5\n");
}

}  // namespace
}  // namespace beyla::exporters::prometheus
