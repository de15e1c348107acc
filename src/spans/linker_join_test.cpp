#include <gtest/gtest.h>

#include "spans/made_requests.h"

namespace beyla::spans {
namespace {

using model::CallKind;
using model::Role;

// Whom a request is joined with shows by the route that a goroutine names.
std::string route_of(Traffic& traffic, model::RequestId id) {
  return traffic.end(id).semantics.route;
}

TEST(GoroutineJoin, ARequestIsServedByWhoReceivedIt) {
  Traffic traffic;
  const auto one = traffic.request(1, 7);
  const auto two = traffic.request(2, 8);
  traffic.serve(8);
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "GET /seven");
  traffic.call(CallKind::route, 8, "GET /eight");
  EXPECT_EQ(route_of(traffic, one), "/seven");
  EXPECT_EQ(route_of(traffic, two), "/eight");
  EXPECT_EQ(traffic.linker.counters().joined.value(), 2U);
  EXPECT_EQ(traffic.linker.counters().unjoined.value(), 0U);
}

TEST(GoroutineJoin, TheFirstRequestOfAProcessIsJoinedToo) {
  Traffic traffic;
  traffic.request(1, 7);
  EXPECT_EQ(traffic.linker.go_processes(), 0U);
  traffic.serve(7);
  EXPECT_EQ(traffic.linker.counters().joined.value(), 1U);
}

TEST(GoroutineJoin, OneByteOnAnotherGoroutineIsReadAhead) {
  Traffic traffic;
  traffic.end(traffic.request(1, 7));
  traffic.receive(1, 99, 1);
  const auto id = traffic.begin(1);
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/a");
  EXPECT_EQ(route_of(traffic, id), "/a");
}

TEST(GoroutineJoin, AByteOnTheSameGoroutineIsARead) {
  Traffic traffic;
  traffic.begin(1);
  traffic.receive(1, 7, 1);
  traffic.serve(7);
  EXPECT_EQ(traffic.linker.counters().joined.value(), 1U);
}

TEST(GoroutineJoin, PipelinedRequestsAreServedInTheirOrder) {
  Traffic traffic;
  const auto one = traffic.begin(1);
  const auto two = traffic.begin(1);
  traffic.receive(1, 7);
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/one");
  EXPECT_EQ(route_of(traffic, one), "/one");
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/two");
  EXPECT_EQ(route_of(traffic, two), "/two");
}

TEST(GoroutineJoin, WhatWasAnsweredWithoutAHandlerWaitsForNone) {
  Traffic traffic;
  const auto bad = traffic.begin(1);
  const auto good = traffic.begin(1);
  const auto last = traffic.begin(1);
  traffic.receive(1, 7);
  traffic.end(bad);
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/good");
  EXPECT_EQ(route_of(traffic, good), "/good");
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/last");
  EXPECT_EQ(route_of(traffic, last), "/last");
}

TEST(GoroutineJoin, ReceivingOnABackendChangesNothing) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  traffic.receive(50, 7);  // a client's connection: nobody begins there
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/a");
  EXPECT_EQ(route_of(traffic, id), "/a");
}

TEST(GoroutineJoin, AGoroutineAgainServesItsNewConnection) {
  Traffic traffic;
  traffic.end(traffic.request(1, 7));
  traffic.serve(7);  // too late
  EXPECT_EQ(traffic.linker.counters().unjoined.value(), 1U);
  traffic.linker.on_closed({traffic.now(), 1});
  const auto id = traffic.request(2, 7);
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/b");
  EXPECT_EQ(route_of(traffic, id), "/b");
}

TEST(GoroutineJoin, AnotherGoroutineMayTakeTheConnectionOver) {
  Traffic traffic;
  traffic.serve(1);  // it is a Go process
  traffic.end(traffic.request(1, 7));
  traffic.end(traffic.request(2, 8));
  traffic.request(1, 8);
  traffic.serve(7);
  EXPECT_EQ(traffic.linker.counters().joined.value(), 0U);
  traffic.serve(8);
  EXPECT_EQ(traffic.linker.counters().joined.value(), 1U);
  traffic.request(2, 8);  // back: connection 1 is read by nobody now
  traffic.serve(8);
  EXPECT_EQ(traffic.linker.counters().joined.value(), 2U);
}

TEST(GoroutineJoin, AClosedConnectionServesNobody) {
  Traffic traffic;
  traffic.request(1, 7);
  traffic.linker.on_closed({traffic.now(), 1});
  traffic.serve(7);
  EXPECT_EQ(traffic.linker.counters().unjoined.value(), 1U);
  EXPECT_EQ(traffic.linker.connections(), 0U);
}

TEST(GoroutineJoin, CallsUnderTlsAreNoneOfThese) {
  Traffic traffic;
  traffic.request(1, 7);
  model::FunctionCall begun;
  begun.kind = CallKind::http1_begin;
  begun.process = kGoProcess;
  begun.origin.goroutine = 7;
  begun.tls = true;
  traffic.linker.on_call(begun);
  EXPECT_EQ(traffic.linker.counters().joined.value(), 0U);
  EXPECT_EQ(traffic.linker.counters().unjoined.value(), 0U);
}

TEST(GoroutineJoin, TheSameGoroutineOfAnotherProcessIsAnother) {
  Traffic traffic;
  traffic.request(1, 7);
  traffic.process = {42, 1, 2000};
  traffic.serve(7);
  EXPECT_EQ(traffic.linker.counters().unjoined.value(), 1U);
}

TEST(GoroutineJoin, ARouteMayNameTheConnectionOfItsAnswer) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  traffic.serve(7);
  traffic.call(CallKind::route, 99, "/a", 1);
  EXPECT_EQ(route_of(traffic, id), "/a");
}

TEST(GoroutineJoin, TheLongestPieceIsTheRoute) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/api/{tenant}/users/{id}");
  traffic.call(CallKind::route, 7, "/api/{tenant}");
  traffic.call(CallKind::route, 7, "GET /");
  EXPECT_EQ(route_of(traffic, id), "/api/{tenant}/users/{id}");
}

// mux.CORSMethodMiddleware looks at every route that matches.
TEST(GoroutineJoin, ATemplateThatWasOnlyTriedIsNotTheRoute) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  traffic.serve(7);
  traffic.template_of(7, "/users/me");
  traffic.template_of(7, "/users/{name:[a-z]+}");
  EXPECT_EQ(route_of(traffic, id), "/users/me");
  const auto nested = traffic.request(1, 7);
  traffic.serve(7);
  traffic.template_of(7, "/api");
  traffic.template_of(7, "/api/users/{id}");
  traffic.template_of(7, "/api");
  EXPECT_EQ(route_of(traffic, nested), "/api/users/{id}");
  const auto mounted = traffic.request(1, 7);
  traffic.serve(7);
  traffic.template_of(7, "/api");
  traffic.call(CallKind::route, 7, "/users/:id");  // another router, which sees the rest
  EXPECT_EQ(route_of(traffic, mounted), "/users/:id");
}

TEST(GoroutineJoin, ARouteIsOfOneRequest) {
  Traffic traffic;
  const auto one = traffic.request(1, 7);
  traffic.serve(7);
  traffic.call(CallKind::route, 7, "/a");
  EXPECT_EQ(route_of(traffic, one), "/a");
  const auto two = traffic.request(1, 7);
  traffic.serve(7);
  EXPECT_EQ(route_of(traffic, two), "");
}

TEST(GoroutineJoin, APanicWithoutAnAnswerIs500) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  traffic.serve(7);
  traffic.call(CallKind::panic, 7);
  traffic.lose(id);
  ASSERT_EQ(traffic.sink.exchanges.size(), 1U);
  EXPECT_EQ(traffic.sink.exchanges[0].semantics.outcome, "500");
  EXPECT_EQ(traffic.sink.exchanges[0].semantics.target, "/lost");
  EXPECT_EQ(traffic.sink.exchanges[0].end, traffic.now());
  EXPECT_EQ(traffic.sink.incomplete, 0U);
}

// Its handler recovered and went on; the client did not wait for that.
TEST(GoroutineJoin, AConnectionThatIsClosedLongAfterAPanicWasNotEndedByIt) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  traffic.serve(7);
  traffic.call(CallKind::panic, 7);
  traffic.time += Linker::kCloseAfterPanic + std::chrono::milliseconds(1);
  traffic.lose(id);
  EXPECT_EQ(traffic.sink.incomplete, 1U);
  EXPECT_TRUE(traffic.sink.exchanges.empty());
}

TEST(GoroutineJoin, AHandlerThatAbortsHasNoAnswer) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  traffic.serve(7);
  model::FunctionCall abort;
  abort.kind = CallKind::panic;
  abort.process = kGoProcess;
  abort.origin.goroutine = 7;
  abort.origin.goroutine_id = 1007;
  abort.failed = true;
  traffic.linker.on_call(abort);
  traffic.lose(id);
  EXPECT_EQ(traffic.sink.incomplete, 1U);
  EXPECT_TRUE(traffic.sink.exchanges.empty());
}

TEST(GoroutineJoin, NoPanicNo500) {
  Traffic traffic;
  const auto id = traffic.request(1, 7);
  const auto other = traffic.request(2, 8);
  traffic.serve(7);
  traffic.serve(8);
  traffic.call(CallKind::panic, 8);
  traffic.lose(id);
  EXPECT_EQ(traffic.sink.incomplete, 1U);
  traffic.lose(other, model::IncompleteReason::gap);
  EXPECT_EQ(traffic.sink.incomplete, 2U);
  EXPECT_TRUE(traffic.sink.exchanges.empty());
}

TEST(GoroutineJoin, ADeadProcessIsForgotten) {
  using namespace std::chrono_literals;
  Traffic traffic;
  traffic.request(1, 7);
  traffic.serve(7);
  traffic.linker.on_exited(kGoProcess, traffic.now());
  traffic.linker.expire(traffic.now() + 2s);
  EXPECT_EQ(traffic.linker.go_processes(), 1U);
  traffic.linker.expire(traffic.now() + 2001ms);
  EXPECT_EQ(traffic.linker.go_processes(), 0U);
  traffic.receive(1, 8);
  traffic.linker.on_closed({traffic.now(), 1});
}

// Its calls may be read after its end was told, or that is lost.
TEST(GoroutineJoin, ThoseWhoseEndIsNeverToldMakeRoom) {
  using namespace std::chrono_literals;
  Traffic many;
  for (std::uint32_t pid = 1; pid <= Linker::kMaxGoProcesses; ++pid) {
    many.process.pid = pid;
    many.linker.on_exited(many.process, many.now());
    many.serve(7);
  }
  many.time += Linker::kKeepSilent;
  many.process.pid = 1;
  many.serve(7);
  many.linker.expire(many.now());
  EXPECT_EQ(many.linker.go_processes(), Linker::kMaxGoProcesses);
  many.linker.expire(many.now() + 1ns);
  EXPECT_EQ(many.linker.go_processes(), 1U);
  many.process.pid = Linker::kMaxGoProcesses + 1;
  const auto id = many.request(1, 7);
  many.serve(7);
  many.call(CallKind::route, 7, "/a");
  EXPECT_EQ(route_of(many, id), "/a");
}

TEST(GoroutineJoin, ASilentProcessStaysWhereThereIsRoom) {
  Traffic traffic;
  traffic.serve(7);
  traffic.linker.expire(traffic.now() + 2 * Linker::kKeepSilent);
  EXPECT_EQ(traffic.linker.go_processes(), 1U);
}

TEST(GoroutineJoin, ConnectionsAndProcessesAreBounded) {
  Traffic traffic;
  for (model::ConnectionId id = 1; id <= Linker::kMaxConnections + 5; ++id) traffic.request(id, id);
  EXPECT_EQ(traffic.linker.connections(), Linker::kMaxConnections);
  EXPECT_EQ(traffic.linker.counters().over_limit.value(), 5U);
  Traffic many;
  for (std::uint32_t pid = 1; pid <= Linker::kMaxGoProcesses + 5; ++pid) {
    many.process.pid = pid;
    many.serve(7);
  }
  EXPECT_EQ(many.linker.go_processes(), Linker::kMaxGoProcesses);
  EXPECT_EQ(many.linker.counters().over_limit.value(), 5U);
}

}  // namespace
}  // namespace beyla::spans
