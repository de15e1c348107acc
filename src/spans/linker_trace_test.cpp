#include <gtest/gtest.h>

#include "spans/made_requests.h"

namespace beyla::spans {
namespace {

using namespace std::chrono_literals;
using model::CallKind;
using model::CallOrigin;
using model::Role;

constexpr model::SpanId kNoSpan{};

model::TraceParent some_parent() {
  model::TraceParent parent;
  parent.trace_id.fill(0xaa);
  parent.span_id.fill(0xbb);
  parent.sampled = false;
  return parent;
}

// Somewhere that nothing leads from.
CallOrigin elsewhere() { return {500, 1500, 0, 0xe000, {0xe100}}; }

// Goroutine 7 serves a request; it is still open.
struct Serving : Traffic {
  model::RequestId id = request(1, 7);
  Serving() { serve(7); }
  model::TraceContext server() { return end(id).trace; }
};

TEST(Traces, ARequestBeginsATraceOfItsOwn) {
  Traffic traffic;
  const auto one = traffic.end(traffic.begin(1)).trace;
  const auto two = traffic.end(traffic.begin(1)).trace;
  EXPECT_NE(one.trace_id, model::TraceId{});
  EXPECT_NE(one.span_id, kNoSpan);
  EXPECT_EQ(one.parent_span_id, kNoSpan);
  EXPECT_TRUE(one.sampled);
  EXPECT_NE(one.trace_id, two.trace_id);
  EXPECT_NE(one.span_id, two.span_id);
}

TEST(Traces, AServerGoesOnWithTheTraceOfWhoAsks) {
  Traffic traffic;
  traffic.incoming = some_parent();
  const auto trace = traffic.end(traffic.begin(1)).trace;
  EXPECT_EQ(trace.trace_id, some_parent().trace_id);
  EXPECT_EQ(trace.parent_span_id, some_parent().span_id);
  EXPECT_NE(trace.span_id, some_parent().span_id);
  EXPECT_FALSE(trace.sampled);
}

TEST(Traces, AClientThatSendsATraceParentIsTheSpanThatItNames) {
  Traffic traffic;
  traffic.incoming = some_parent();
  const auto trace = traffic.end(traffic.begin(1, Role::client)).trace;
  EXPECT_EQ(trace.trace_id, some_parent().trace_id);
  EXPECT_EQ(trace.span_id, some_parent().span_id);
  EXPECT_EQ(trace.parent_span_id, kNoSpan);
}

// A proxy without a tracing library: what it received names the span of who asked it, not its own.
TEST(Traces, AClientThatForwardsATraceParentIsNotTheSpanThatItNames) {
  Traffic traffic;
  traffic.incoming = some_parent();
  const auto id = traffic.request(1, 7);
  traffic.serve(7);
  CallOrigin origin = elsewhere();
  origin.goroutine_id = 1007;
  const auto client = traffic.ask(origin);
  const auto unknown = traffic.ask(elsewhere());
  const auto server = traffic.end(id).trace;
  EXPECT_EQ(client.trace_id, server.trace_id);
  EXPECT_NE(client.span_id, some_parent().span_id);
  EXPECT_EQ(client.parent_span_id, server.span_id);
  EXPECT_NE(unknown.span_id, some_parent().span_id);
  EXPECT_EQ(unknown.parent_span_id, some_parent().span_id);
  EXPECT_EQ(traffic.ask(origin).span_id, some_parent().span_id);  // of nothing that is served now
}

TEST(Traces, AnotherProcessMayHaveReceivedWhatAClientNames) {
  Traffic traffic;
  traffic.incoming = some_parent();
  traffic.request(1, 7);
  traffic.process.pid += 1;
  EXPECT_EQ(traffic.ask(elsewhere()).span_id, some_parent().span_id);
}

TEST(Traces, WhatIsNotKnownHasATraceOfItsOwn) {
  Traffic traffic;
  EXPECT_NE(traffic.end(0).trace.trace_id, model::TraceId{});
  EXPECT_NE(traffic.end(12345).trace.span_id, kNoSpan);
}

TEST(Traces, AClientWithTheContextOfARequestIsItsChild) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.context = 0xc007;
  const auto client = traffic.ask(origin);
  const auto server = traffic.server();
  EXPECT_EQ(client.trace_id, server.trace_id);
  EXPECT_EQ(client.parent_span_id, server.span_id);
  EXPECT_NE(client.span_id, server.span_id);
  EXPECT_EQ(traffic.parents(ParentBy::context), 1U);
}

TEST(Traces, TheNearestContextCounts) {
  Serving traffic;
  const auto inner = traffic.request(2, 8);
  traffic.serve(8);
  CallOrigin origin = elsewhere();
  origin.ancestors = {0xf000, 0xc008, 0xc007};
  const auto client = traffic.ask(origin);
  EXPECT_EQ(client.parent_span_id, traffic.end(inner).trace.span_id);
}

TEST(Traces, TheContextCountsMoreThanTheGoroutine) {
  Serving traffic;
  const auto other = traffic.request(2, 8);
  traffic.serve(8);
  CallOrigin origin{7, 1007, 0, 0xc008, {}};
  const auto client = traffic.ask(origin);
  EXPECT_EQ(client.parent_span_id, traffic.end(other).trace.span_id);
}

TEST(Traces, ThenTheGoroutine) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.goroutine_id = 1007;
  EXPECT_EQ(traffic.ask(origin).parent_span_id, traffic.server().span_id);
  EXPECT_EQ(traffic.parents(ParentBy::goroutine), 1U);
}

TEST(Traces, ThenWhoStartedTheGoroutine) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.parent_goroutine_id = 1007;
  EXPECT_EQ(traffic.ask(origin).parent_span_id, traffic.server().span_id);
  EXPECT_EQ(traffic.parents(ParentBy::parent_goroutine), 1U);
}

TEST(Traces, ElseItIsARoot) {
  Serving traffic;
  const auto client = traffic.ask(elsewhere());
  EXPECT_EQ(client.parent_span_id, kNoSpan);
  EXPECT_NE(client.trace_id, traffic.server().trace_id);
  EXPECT_EQ(traffic.parents(ParentBy::none), 1U);
}

TEST(Traces, AnAddressIsNoId) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.goroutine_id = 7;  // the address of the one that serves
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
}

TEST(Traces, OfAnotherProcessNothingIsAParent) {
  Serving traffic;
  traffic.process = {42, 1, 2000};
  EXPECT_EQ(traffic.ask({7, 1007, 1007, 0xc007, {0xc007}}).parent_span_id, kNoSpan);
}

TEST(Traces, ARequestThatWasBegunByACallIsAParent) {
  Traffic traffic;
  traffic.origin = CallOrigin{7, 1007, 0, 0xc007, {}};
  const auto id = traffic.begin(0);
  CallOrigin from = elsewhere();
  from.ancestors = {0xc007};
  const auto client = traffic.ask(from);
  EXPECT_EQ(client.parent_span_id, traffic.end(id).trace.span_id);
}

TEST(Traces, AClientsOwnTraceHasOurParentOnlyInTheSameTrace) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.goroutine_id = 1007;
  traffic.incoming = some_parent();
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
  const auto server = traffic.server();
  traffic.incoming->trace_id = server.trace_id;
  const auto client = traffic.ask(origin);
  EXPECT_EQ(client.trace_id, server.trace_id);
  EXPECT_EQ(client.parent_span_id, server.span_id);
  EXPECT_EQ(client.span_id, some_parent().span_id);
}

TEST(Traces, WhatWasNotSampledIsNotSampledFurther) {
  Traffic traffic;
  traffic.incoming = some_parent();
  traffic.request(1, 7);
  traffic.incoming.reset();
  traffic.serve(7);
  CallOrigin origin = elsewhere();
  origin.context = 0xc007;
  EXPECT_FALSE(traffic.ask(origin).sampled);
}

TEST(Traces, AnEndedRequestIsAParentForAMoment) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.parent_goroutine_id = 1007;
  const auto server = traffic.server();
  traffic.time += Linker::kKeepEnded;
  traffic.linker.expire(traffic.now());
  EXPECT_EQ(traffic.ask(origin).parent_span_id, server.span_id);
  traffic.time += 1ns;
  traffic.linker.expire(traffic.now());
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
  EXPECT_EQ(traffic.linker.size(), 0U);
}

// Its memory may be another's context by now.
TEST(Traces, TheContextOfAnEndedRequestIsNoProof) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.ancestors = {0xc007};
  EXPECT_NE(traffic.ask(origin).parent_span_id, kNoSpan);
  traffic.server();
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
  EXPECT_EQ(traffic.parents(ParentBy::context), 1U);
}

// Nobody has told of its end yet: net/http may have dropped it since.
TEST(Traces, TheContextOfARequestThatPanickedIsNoProof) {
  Serving traffic;
  traffic.call(model::CallKind::panic, 7);
  CallOrigin origin = elsewhere();
  origin.ancestors = {0xc007};
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
  origin.parent_goroutine_id = 1007;
  EXPECT_EQ(traffic.ask(origin).parent_span_id, traffic.server().span_id);
}

// The next one on its goroutine: what that has started asks for it.
TEST(Traces, TheNextRequestCountsMoreThanTheContextOfTheOneBefore) {
  Serving traffic;
  traffic.server();
  const auto next = traffic.request(1, 7);
  model::FunctionCall begin;
  begin.kind = model::CallKind::http1_begin;
  begin.time = traffic.now();
  begin.process = traffic.process;
  begin.origin = {7, 1007, 0, 0xc999, {}};
  traffic.linker.on_call(begin);
  CallOrigin origin = elsewhere();
  origin.ancestors = {0xc007, 0xc998};
  origin.parent_goroutine_id = 1007;
  const auto client = traffic.ask(origin);
  EXPECT_EQ(client.parent_span_id, traffic.end(next).trace.span_id);
}

// What a request has left running asks on its own account when another is served.
TEST(Traces, AGoroutineThatHasCalledBeforeWasNotStartedByThisRequest) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.parent_goroutine_id = 1007;
  const auto first = traffic.ask(origin);
  EXPECT_EQ(traffic.ask(origin).parent_span_id, first.parent_span_id);
  EXPECT_EQ(traffic.server().span_id, first.parent_span_id);
  EXPECT_EQ(traffic.ask(origin).parent_span_id, first.parent_span_id);
  traffic.time += 1ns;
  const auto next = traffic.request(1, 7);
  traffic.serve(7);
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
  origin.goroutine_id += 1;  // a new one
  EXPECT_EQ(traffic.ask(origin).parent_span_id, traffic.end(next).trace.span_id);
}

// Of which the first call is forgotten: in a busy process goroutines come by the thousand.
TEST(Traces, AGoroutineThatIsMuchOlderWasNotStartedByThisRequest) {
  Serving traffic;
  CallOrigin origin = elsewhere();
  origin.goroutine_id = 1007 + Linker::kGoroutinesLate + 2;
  traffic.ask(origin);
  traffic.request(1, 7);
  traffic.serve(7);
  origin.parent_goroutine_id = 1007;
  origin.goroutine_id = 1008;
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
  origin.goroutine_id = 1009;
  EXPECT_NE(traffic.ask(origin).parent_span_id, kNoSpan);
}

TEST(FirstCalls, TheLatestCallersAreRemembered) {
  const auto at = [](int ns) { return base::BootTime(std::chrono::nanoseconds(ns)); };
  FirstCalls calls(1);
  EXPECT_EQ(calls.note(0, at(5)), at(5));
  EXPECT_EQ(calls.note(1, at(6)), at(6));
  constexpr std::uint64_t kMany = 5 * FirstCalls::kMaxRemembered;
  for (std::uint64_t key = 2; key < kMany; ++key) {
    calls.note(key, at(7));
    if (key % FirstCalls::kMaxRemembered == 0) {
      EXPECT_EQ(calls.note(1, at(8)), at(6));
    }
  }
  EXPECT_EQ(calls.note(0, at(9)), at(9));
  EXPECT_EQ(calls.note(2, at(9)), at(9));
  EXPECT_EQ(calls.note(kMany - 1, at(9)), at(7));
}

TEST(Traces, AnAddressUsedAgainIsThatOfTheNewestRequest) {
  Serving traffic;
  traffic.server();
  const auto next = traffic.request(1, 7);
  traffic.serve(7);
  CallOrigin origin = elsewhere();
  origin.context = 0xc007;
  const auto client = traffic.ask(origin);
  traffic.time += 2s;
  traffic.linker.expire(traffic.now());  // the old one is forgotten, the new one is not
  EXPECT_EQ(traffic.ask(origin).parent_span_id, client.parent_span_id);
  EXPECT_EQ(client.parent_span_id, traffic.end(next).trace.span_id);
}

TEST(Traces, WhatIsWithdrawnIsNobodysParent) {
  Serving traffic;
  traffic.linker.on_withdrawn({kGoProcess, Role::server, traffic.id});
  CallOrigin origin = elsewhere();
  origin.context = 0xc007;
  EXPECT_EQ(traffic.ask(origin).parent_span_id, kNoSpan);
  EXPECT_EQ(traffic.sink.withdrawn, 1U);
}

TEST(Traces, RequestsAreBounded) {
  Traffic traffic;
  for (std::uint32_t i = 0; i < OpenRequests::kMaxRequests; ++i) {
    ASSERT_NE(traffic.begin(1, Role::client), 0U);
  }
  EXPECT_EQ(traffic.begin(1, Role::client), 0U);
  EXPECT_EQ(traffic.linker.counters().over_limit.value(), 1U);
  EXPECT_EQ(traffic.sink.begun, OpenRequests::kMaxRequests + 1U);
}

TEST(Traces, EndedRequestsAreBounded) {
  Traffic traffic;
  for (std::size_t i = 0; i < Linker::kMaxEnded + 10; ++i) {
    const auto id = traffic.request(1, 7);
    traffic.serve(7);
    traffic.end(id);
  }
  EXPECT_LE(traffic.linker.size(), Linker::kMaxEnded + 1);
}

}  // namespace
}  // namespace beyla::spans
