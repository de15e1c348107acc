#include <gtest/gtest.h>

#include "spans/made_requests.h"

namespace beyla::spans {
namespace {

using model::CallKind;

// Where nobody looks for what a call serves, the begin of its handler is not told.
class JoinByRoute : public ::testing::Test {
 protected:
  // A handler begins now, and its calls say so.
  void handle() {
    traffic.time += std::chrono::microseconds(1);
    traffic.began_ns = static_cast<std::uint64_t>(traffic.time.count());
    traffic.time += std::chrono::microseconds(1);
  }
  [[nodiscard]] std::uint64_t joined() const { return traffic.linker.counters().joined.value(); }
  [[nodiscard]] std::uint64_t unjoined() const {
    return traffic.linker.counters().unjoined.value();
  }

  // Whom a request is joined with shows by the route that its goroutine names.
  std::string route_of(model::RequestId id) { return traffic.end(id).semantics.route; }

  Traffic traffic;
};

TEST_F(JoinByRoute, ItsConnectionSaysWhoseItIs) {
  const auto one = traffic.request(1, 7);
  const auto two = traffic.request(2, 8);
  handle();
  traffic.call(CallKind::route, 99, "/eight", 2);
  traffic.call(CallKind::route, 7, "/seven");  // of which no answer was sent yet
  EXPECT_EQ(route_of(one), "/seven");
  EXPECT_EQ(route_of(two), "/eight");
  EXPECT_EQ(joined(), 2U);
  EXPECT_EQ(unjoined(), 0U);
}

TEST_F(JoinByRoute, PiecesOfOneRequestAreNotThoseOfThePipelinedOneBehindIt) {
  const auto one = traffic.begin(1);
  const auto two = traffic.begin(1);
  traffic.receive(1, 7);
  handle();
  traffic.template_of(7, "/api");
  traffic.template_of(7, "/api/{id}");
  traffic.call(CallKind::route, 7, "/", 1);
  handle();  // the end of the first answer was lost
  traffic.template_of(7, "/two");
  EXPECT_EQ(route_of(one), "/api/{id}");
  EXPECT_EQ(route_of(two), "/two");
  EXPECT_EQ(joined(), 2U);
}

TEST_F(JoinByRoute, HandlersWithoutARouteLeaveTheirRequestsToNobody) {
  traffic.end(traffic.request(1, 7));
  const auto id = traffic.request(1, 7);
  handle();
  traffic.call(CallKind::route, 7, "/a", 1);
  EXPECT_EQ(route_of(id), "/a");
}

// Another goroutine has sent all of an answer; net/http refuses the next request, on its own.
TEST_F(JoinByRoute, WhatCameAfterTheHandlerHadBegunIsNotWhatItServes) {
  const auto one = traffic.request(1, 7);
  handle();
  traffic.end(one);
  const auto bad = traffic.request(1, 7);
  traffic.call(CallKind::route, 7, "/one", 1);
  EXPECT_EQ(route_of(bad), "");
  EXPECT_EQ(unjoined(), 1U);
}

TEST_F(JoinByRoute, APanicSaysWhoseItIsToo) {
  const auto id = traffic.request(1, 7);
  handle();
  traffic.call(CallKind::panic, 7);
  traffic.lose(id);
  ASSERT_EQ(traffic.sink.exchanges.size(), 1U);
  EXPECT_EQ(traffic.sink.exchanges[0].semantics.outcome, "500");
}

TEST_F(JoinByRoute, APanicAfterTheRouteIsOfTheSameRequest) {
  const auto one = traffic.begin(1);
  const auto two = traffic.begin(1);
  traffic.receive(1, 7);
  handle();
  traffic.call(CallKind::route, 7, "/a", 1);
  traffic.call(CallKind::panic, 7);
  traffic.lose(two);
  EXPECT_TRUE(traffic.sink.exchanges.empty());
  traffic.lose(one);
  EXPECT_EQ(traffic.sink.exchanges.size(), 1U);
}

// No probe stands at any begin.
TEST_F(JoinByRoute, APanicThatKnowsNoBeginIsOfTheFirstRequestThatWaits) {
  const auto one = traffic.request(1, 7);
  traffic.call(CallKind::panic, 99);  // on a goroutine that reads no connection
  traffic.lose(one);
  EXPECT_TRUE(traffic.sink.exchanges.empty());
  const auto two = traffic.request(1, 7);
  traffic.call(CallKind::panic, 7);
  traffic.lose(two);
  EXPECT_EQ(traffic.sink.exchanges.size(), 1U);
  EXPECT_EQ(unjoined(), 0U);
}

}  // namespace
}  // namespace beyla::spans
