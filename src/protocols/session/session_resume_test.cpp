// One connection, whose process dies at a chosen place.
#include <gtest/gtest.h>

#include <optional>

#include "protocols/session/conversation.h"
#include "protocols/session/memory_book.h"
#include "protocols/session/sample_talks.h"

namespace beyla::protocols::session {
namespace {

using model::Direction;
using model::Role;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

std::string get(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\n\r\n"; }

// Survives its session table.
class Connection {
 public:
  explicit Connection(Role role = Role::server) : role_(role) {
    begin();
    model::ConnectionInfo info;
    info.id = 7;
    info.role = role;
    info.seen_from_start = true;
    info.slot = {3, 1};
    table_->on_opened({now_, info});
  }
  // The answers to what was sent may come first: then late is what is behind.
  void ask(std::string_view text) { record(request_direction(known_role()), text); }
  void answer(std::string_view text) { record(opposite(request_direction(known_role())), text); }
  // The bytes leave now, their record comes with put().
  model::StreamData leave(std::string_view text) {
    auto event = event_of(Direction::sent, text);
    positions_[1] += text.size();
    return event;
  }
  void put(model::StreamData event) {
    event.other_offset = positions_[1 - static_cast<std::size_t>(event.direction)];
    table_->on_data(event);
  }
  void commit() { book_.take(*table_); }
  // What was not committed is forgotten; the caller gives it again.
  SessionTable::Restored crash() {
    sink = {};
    policies = {};
    return begin();
  }
  void close() { table_->on_closed({now_, 7}); }
  [[nodiscard]] SessionTable& table() { return *table_; }
  [[nodiscard]] std::vector<std::string> summaries() const {
    std::vector<std::string> result;
    for (const auto& exchange : sink.exchanges) result.push_back(summary(exchange));
    return result;
  }

  RecordingSink sink;
  RecordingPolicies policies;

 private:
  SessionTable::Restored begin() {
    table_.emplace(sink, policies, registry());
    return table_->keep_book(book_.bytes(), now_);
  }
  [[nodiscard]] Role known_role() const { return role_ == Role::unknown ? Role::server : role_; }
  model::StreamData event_of(Direction direction, std::string_view text) {
    model::StreamData event;
    event.time = now_ += std::chrono::milliseconds(1);
    event.connection = 7;
    event.direction = direction;
    event.offset = positions_[static_cast<std::size_t>(direction)];
    event.other_offset = positions_[1 - static_cast<std::size_t>(direction)];
    event.total_bytes = static_cast<std::uint32_t>(text.size());
    event.head = base::as_bytes(text);
    return event;
  }
  void record(Direction direction, std::string_view text) {
    table_->on_data(event_of(direction, text));
    positions_[static_cast<std::size_t>(direction)] += text.size();
  }

  Role role_;
  base::BootTime now_{std::chrono::seconds(1)};
  std::array<std::uint64_t, 2> positions_{};
  MemoryBook book_;
  std::optional<SessionTable> table_;
};

using Lines = std::vector<std::string>;

TEST(SessionResume, AnIdleConnectionGoesOnWithItsEndpointsAndRole) {
  Connection run(Role::unknown);
  run.ask(get("/a"));
  run.answer(kOk);
  run.commit();
  EXPECT_EQ(run.crash().connections, 1U);
  run.ask(get("/b"));
  run.answer(kOk);
  EXPECT_EQ(run.summaries(), Lines{"GET /b 200 0"});
  EXPECT_EQ(run.sink.exchanges[0].role, Role::server);
  EXPECT_EQ(run.sink.unpaired, 0U);
  EXPECT_EQ(run.sink.gaps, 0U);
}

TEST(SessionResume, WhatWasInFlightComesToNothingMore) {
  Connection run;
  run.ask(get("/a"));
  run.commit();
  EXPECT_EQ(run.sink.in_flight(), 1U);
  run.crash();
  run.answer(kOk);
  run.ask(get("/b"));
  run.answer(kOk);
  run.close();
  EXPECT_EQ(run.summaries(), Lines{"GET /b 200 0"});
  EXPECT_EQ(run.sink.begun, 1U);
  EXPECT_EQ(run.sink.unpaired, 0U);
}

TEST(SessionResume, ARequestBehindTheOneInFlightGetsItsOwnAnswer) {
  Connection run;
  run.ask("POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  run.commit();
  run.crash();
  run.answer("HTTP/1.1 100 Continue\r\n\r\n");
  run.ask("ok" + get("/b"));
  run.answer("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n");
  run.answer(kOk);
  EXPECT_EQ(run.summaries(), Lines{"GET /b 200 0"});
}

TEST(SessionResume, TheAnswerToAHeadHasNoBody) {
  Connection run;
  run.ask("HEAD /a HTTP/1.1\r\n\r\n");
  run.commit();
  run.crash();
  run.answer("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n");
  run.ask(get("/b"));
  run.answer(kOk);
  EXPECT_EQ(run.summaries(), Lines{"GET /b 200 0"});
}

TEST(SessionResume, SeveralAnswersThatAreOwedEndTheConnection) {
  Connection run;
  run.ask(get("/a") + get("/b"));
  run.commit();
  EXPECT_EQ(run.sink.in_flight(), 2U);
  run.crash();
  EXPECT_TRUE(run.policies.ignored());
  EXPECT_EQ(run.table().counters().opaque_connections.value(), 1U);
  run.answer(kOk);
  run.ask(get("/c"));
  run.answer(kOk);
  EXPECT_EQ(run.summaries(), Lines{});
}

TEST(SessionResume, AnOpaqueConnectionStaysOpaqueAndTheKernelIsToldAgain) {
  Connection run;
  run.ask("\x16\x03\x01garbage and more of it, longer than a preface");
  EXPECT_TRUE(run.policies.ignored());
  run.commit();
  run.crash();
  EXPECT_TRUE(run.policies.ignored());
  EXPECT_EQ(run.table().counters().opaque_connections.value(), 0U);
  run.ask(get("/a"));
  run.answer(kOk);
  EXPECT_EQ(run.summaries(), Lines{});
  EXPECT_EQ(run.table().counters().unknown_connection.value(), 0U);
}

TEST(SessionResume, AConnectionThatClosedAfterTheCommitIsForgotten) {
  Connection run;
  run.ask(get("/a"));
  run.commit();
  run.close();
  run.crash();
  EXPECT_EQ(run.table().size(), 1U);
  run.close();
  run.commit();
  EXPECT_EQ(run.crash().connections, 0U);
}

TEST(SessionResume, RecordsLostBeforeTheSuccessorCameAreNamed) {
  Connection run;
  run.ask(get("/a"));
  run.answer(kOk);
  run.commit();
  run.crash();
  const std::string lost = get("/lost");
  (void)run.leave(kOk);  // of a server: the answer, and its record never comes
  run.ask(get("/b"));
  run.answer(kOk);
  EXPECT_EQ(run.sink.gaps, 1U);
}

TEST(SessionResume, AClientsAnswerThatWasHeldTakesOnlyItsOwnRequestAlong) {
  Connection run(Role::client);
  run.ask(get("/a"));
  run.answer(kOk);
  const std::string late = get("/b");
  const auto request = run.leave(late);
  run.answer(kOk);
  run.commit();
  run.crash();
  run.put(request);
  run.ask(get("/c"));
  run.answer(kOk);
  EXPECT_EQ(run.summaries(), Lines{"GET /c 200 0"});
  EXPECT_EQ(run.sink.begun, 2U);
  EXPECT_EQ(run.sink.count(model::IncompleteReason::gap), 1U);
}

// Whatever the talk: of what comes out behind a crash nothing is new, and nothing comes twice.
struct Whole {
  Lines lines;
  std::size_t begun = 0;
};

Whole play(Role role, const Talk& talk, std::optional<std::size_t> crash_behind, std::size_t step) {
  Connection run(role);
  Whole whole;
  const auto keep = [&] {
    for (auto& line : run.summaries()) whole.lines.push_back(std::move(line));
    whole.begun += run.sink.begun;
    run.sink = {};
  };
  std::size_t pieces = 0;
  for (const Turn& turn : talk) {
    for (std::size_t at = 0; at < turn.text.size(); at += step) {
      const auto piece = std::string_view(turn.text).substr(at, step);
      turn.speaker == Speaker::client ? run.ask(piece) : run.answer(piece);
      if (pieces++ != crash_behind) continue;
      run.commit();
      keep();
      EXPECT_EQ(run.crash().refused, 0U);
    }
  }
  run.close();
  keep();
  return whole;
}

class SessionResumeTalks : public ::testing::TestWithParam<Role> {};
INSTANTIATE_TEST_SUITE_P(BothRoles, SessionResumeTalks,
                         ::testing::Values(Role::server, Role::client));

// "GET /path 200": the size of a body may be less known.
Lines without_sizes(Lines lines) {
  for (std::string& line : lines) line.resize(line.rfind(' '));
  return lines;
}

TEST_P(SessionResumeTalks, NothingIsNewAndNothingComesTwice) {
  for (const Talk& talk : talks()) {
    const Lines expected = without_sizes(play(GetParam(), talk, std::nullopt, 1U << 20U).lines);
    for (const std::size_t step : {7U, 11U, 30U, 1U << 20U}) {
      std::size_t pieces = 0;
      for (const Turn& turn : talk) pieces += (turn.text.size() + step - 1) / step;
      for (std::size_t crash = 0; crash < pieces; ++crash) {
        const Lines lines = without_sizes(play(GetParam(), talk, crash, step).lines);
        EXPECT_LE(lines.size(), expected.size());
        std::size_t next = 0;  // lines is what is left of expected
        for (const std::string& line : expected) {
          if (next < lines.size() && lines[next] == line) ++next;
        }
        EXPECT_EQ(next, lines.size()) << talk[0].text << " crash behind " << crash << " of " << step
                                      << ::testing::PrintToString(lines);
      }
    }
  }
}

}  // namespace
}  // namespace beyla::protocols::session
