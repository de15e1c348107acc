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

aggregate::Series server_series() {
  aggregate::Series series;
  series.key = std::make_shared<aggregate::SeriesKey>(aggregate::SeriesKey{
      model::MetricFamily::http, model::Role::server, false, "GET", "200", "my \"shop\""});
  series.value.duration.observe(4'000'000);
  series.value.duration.observe(70'000'001);
  series.value.duration.observe(12'000'000'000);
  series.value.request_size.observe(0);
  series.value.request_size.observe(100);
  return series;
}

TEST(TextFormat, WritesHistogramsByteForByte) {
  const auto series = server_series();
  std::string out;
  append_red_metrics(out, {&series, 1});
  const std::string labels =
      R"(http_method="GET",http_status_code="200",service_name="my \"shop\"")";
  std::string expected =
      "# HELP http_server_duration_seconds duration of HTTP service calls from the server side, in "
      "seconds\n# TYPE http_server_duration_seconds histogram\n";
  for (const auto* bucket : {"0.005\"} 1", "0.01\"} 1", "0.025\"} 1", "0.05\"} 1", "0.075\"} 2",
                             "0.1\"} 2", "0.25\"} 2", "0.5\"} 2", "0.75\"} 2", "1\"} 2", "2.5\"} 2",
                             "5\"} 2", "7.5\"} 2", "10\"} 2", "+Inf\"} 3"}) {
    expected += "http_server_duration_seconds_bucket{" + labels + ",le=\"" + bucket + "\n";
  }
  expected += "http_server_duration_seconds_sum{" + labels + "} 12.074000001\n";
  expected += "http_server_duration_seconds_count{" + labels + "} 3\n";
  expected +=
      "# HELP http_server_request_size_bytes size, in bytes, of the HTTP request body as received "
      "at the server side\n# TYPE http_server_request_size_bytes histogram\n";
  for (const auto* bucket : {"0\"} 1", "32\"} 1", "64\"} 1", "128\"} 2", "256\"} 2", "512\"} 2",
                             "1024\"} 2", "2048\"} 2", "4096\"} 2", "8192\"} 2", "+Inf\"} 2"}) {
    expected += "http_server_request_size_bytes_bucket{" + labels + ",le=\"" + bucket + "\n";
  }
  expected += "http_server_request_size_bytes_sum{" + labels + "} 100\n";
  expected += "http_server_request_size_bytes_count{" + labels + "} 2\n";
  EXPECT_EQ(out, expected);
}

TEST(TextFormat, WritesNothingWithoutSeries) {
  std::string out;
  append_red_metrics(out, {});
  append_samples(out, {});
  EXPECT_EQ(out, "");
}

TEST(TextFormat, KeepsRolesApart) {
  auto client = server_series();
  auto key = *client.key;
  key.role = model::Role::client;
  client.key = std::make_shared<aggregate::SeriesKey>(key);
  const std::vector<aggregate::Series> series = {client, server_series()};
  std::string out;
  append_red_metrics(out, series);
  EXPECT_NE(out.find("http_client_duration_seconds_count{"), std::string::npos);
  EXPECT_NE(out.find("http_server_duration_seconds_count{"), std::string::npos);
  EXPECT_NE(out.find("as sent from the client side\n"), std::string::npos);
}

TEST(TextFormat, OverflowHasNoOtherLabel) {
  auto series = server_series();
  auto key = *series.key;
  key.is_overflow = true;
  series.key = std::make_shared<aggregate::SeriesKey>(key);
  std::string out;
  append_red_metrics(out, {&series, 1});
  EXPECT_NE(out.find("\nhttp_server_duration_seconds_count{otel_metric_overflow=\"true\"} 3\n"),
            std::string::npos);
  EXPECT_NE(out.find("_bucket{otel_metric_overflow=\"true\",le=\"+Inf\"} 2\n"), std::string::npos);
  EXPECT_EQ(out.find("http_method"), std::string::npos);
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
