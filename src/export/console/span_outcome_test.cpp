#include "export/console/span_outcome.h"

#include <gtest/gtest.h>

namespace beyla::exporters::console {
namespace {

using model::MetricFamily;
using model::Role;

model::Exchange exchange_of(MetricFamily family, Role role, std::string outcome) {
  model::Exchange exchange;
  exchange.role = role;
  exchange.semantics.family = family;
  exchange.semantics.outcome = std::move(outcome);
  return exchange;
}

TEST(SpanOutcome, HttpServersFailWith5xxClientsWith4xxToo) {
  for (const auto* code : {"100", "200", "302", "399"}) {
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::server, code)), "");
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::client, code)), "");
  }
  for (const auto* code : {"400", "404", "499"}) {
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::server, code)), "");
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::unknown, code)), "");
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::client, code)), code);
  }
  for (const auto* code : {"500", "599"}) {
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::server, code)), code);
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::unknown, code)), code);
    EXPECT_EQ(error_type(exchange_of(MetricFamily::http, Role::client, code)), code);
  }
}

TEST(SpanOutcome, GrpcServersFailWithSomeCodesClientsWithAllBut0) {
  std::string of_servers;
  for (int code = 0; code <= 17; ++code) {
    const std::string text = std::to_string(code);
    const auto server = exchange_of(MetricFamily::rpc, Role::server, text);
    const auto client = exchange_of(MetricFamily::rpc, Role::client, text);
    if (!error_type(server).empty()) of_servers += std::string(error_type(server)) + " ";
    EXPECT_EQ(error_type(client), code == 0 ? "" : text);
  }
  EXPECT_EQ(of_servers, "2 4 12 13 14 15 ");
}

TEST(SpanOutcome, NoAnswerIsAnErrorWithoutCode) {
  for (const auto family : {MetricFamily::http, MetricFamily::rpc}) {
    for (const auto* outcome : {"", "x", "20x", "-1", " 200", "4294967296"}) {
      const auto exchange = exchange_of(family, Role::client, outcome);
      EXPECT_EQ(error_type(exchange), "_OTHER") << outcome;
      EXPECT_EQ(status_code(exchange.semantics), std::nullopt) << outcome;
    }
  }
  EXPECT_EQ(status_code(exchange_of(MetricFamily::http, Role::client, "200").semantics), 200U);
  EXPECT_EQ(status_code(exchange_of(MetricFamily::rpc, Role::client, "0").semantics), 0U);
}

}  // namespace
}  // namespace beyla::exporters::console
