#include "export/prometheus/red_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

namespace beyla::exporters::prometheus {
namespace {

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

TEST(RedText, WritesHistogramsByteForByte) {
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

std::string text_of(aggregate::SeriesKey key) {
  auto series = server_series();
  series.key = std::make_shared<aggregate::SeriesKey>(std::move(key));
  std::string out;
  append_red_metrics(out, {&series, 1});
  return out;
}

TEST(RedText, ARouteIsALabelWhereItIsKnown) {
  const std::string out = text_of({model::MetricFamily::http, model::Role::server, false, "GET",
                                   "200", "shop", "/users/{\"id\"}"});
  const std::string labels =
      R"({http_method="GET",http_route="/users/{\"id\"}",http_status_code="200",service_name="shop"})";
  EXPECT_NE(out.find("\nhttp_server_duration_seconds_count" + labels + " 3\n"), std::string::npos)
      << out;
  EXPECT_NE(out.find("\nhttp_server_request_size_bytes_count" + labels + " 2\n"),
            std::string::npos);
}

TEST(RedText, RpcHasItsOwnLabelsAndNoSizes) {
  const std::string labels =
      R"({rpc_grpc_status_code="0",rpc_method="/a.B/C",rpc_system="grpc",service_name="shop"})";
  for (const auto& [role, name] :
       {std::pair{model::Role::server, "server"}, std::pair{model::Role::client, "client"}}) {
    const std::string out = text_of({model::MetricFamily::rpc, role, false, "/a.B/C", "0", "shop"});
    const std::string metric = std::string("rpc_") + name + "_duration_seconds";
    EXPECT_TRUE(out.starts_with("# HELP " + metric + " duration of RPC service calls from the " +
                                name + " side, in seconds\n# TYPE " + metric + " histogram\n"))
        << out;
    EXPECT_NE(out.find("\n" + metric + "_count" + labels + " 3\n"), std::string::npos) << out;
    EXPECT_EQ(out.find("size"), std::string::npos);
    EXPECT_EQ(std::ranges::count(out, '\n'), 2 + 15 + 2);
  }
}

TEST(RedText, WritesNothingWithoutSeries) {
  std::string out;
  append_red_metrics(out, {});
  EXPECT_EQ(out, "");
}

TEST(RedText, KeepsRolesApart) {
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

TEST(RedText, OverflowHasNoOtherLabel) {
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

TEST(RedText, PiecesMakeTheWholeText) {
  std::vector<aggregate::Series> series;
  for (const auto role : {model::Role::client, model::Role::server}) {
    for (std::size_t i = 0; i < 2 * RedText::kPieceSeries + 1; ++i) {
      auto one = server_series();
      one.key = std::make_shared<aggregate::SeriesKey>(aggregate::SeriesKey{
          model::MetricFamily::http, role, false, "GET", "200", std::to_string(1000 + i)});
      series.push_back(one);
    }
  }
  std::string whole;
  append_red_metrics(whole, series);
  RedText text(series);
  std::string joined;
  std::size_t pieces = 0;
  for (std::string piece; text.append_next(piece); piece.clear(), ++pieces) {
    EXPECT_TRUE(piece.ends_with("\n"));
    EXPECT_LE(std::ranges::count(piece, '\n'),
              2 + static_cast<std::ptrdiff_t>(RedText::kPieceSeries) * (15 + 2));
    joined += piece;
  }
  TextPieces owned = red_text_pieces(series, "tail\n");
  std::string sent;
  while (owned.append_next(sent)) {
  }
  EXPECT_EQ(sent, whole + "tail\n");
  EXPECT_EQ(pieces, 12U);  // two roles, two metrics, three pieces each
  EXPECT_EQ(joined, whole);
  std::size_t headers = 0;
  for (std::size_t at = 0; (at = whole.find("# TYPE ", at)) != std::string::npos; ++at) ++headers;
  EXPECT_EQ(headers, 4U);
}

}  // namespace
}  // namespace beyla::exporters::prometheus
