#include "protocols/session/session_table.h"

#include <gtest/gtest.h>

#include <string>

#include "protocols/session/conversation.h"
#include "protocols/session/detection.h"

namespace beyla::protocols::session {
namespace {

using namespace std::string_literals;
using model::Direction;
using model::IncompleteReason;

const std::string kGet = "GET / HTTP/1.1\r\n\r\n";
const std::string kOk = "HTTP/1.1 204 X\r\n\r\n";

TEST(SessionTable, SetsThePolicyOfTheProtocolItFound) {
  Conversation talk;
  talk.received(kGet);
  ASSERT_EQ(talk.policies.policies.size(), 1U);
  EXPECT_EQ(talk.policies.policies[0].received_turn_bytes, 16384);
  EXPECT_EQ(talk.policies.policies[0].sent_turn_bytes, 2048);
}

TEST(SessionTable, APolicyOfAClientIsTurnedRound) {
  Conversation talk(model::Role::client);
  talk.sent(kGet);
  ASSERT_EQ(talk.policies.policies.size(), 1U);
  EXPECT_EQ(talk.policies.policies[0].sent_turn_bytes, 16384);
  EXPECT_EQ(talk.policies.policies[0].received_turn_bytes, 2048);
}

TEST(SessionTable, IgnoresWhatIsNoProtocolOfOurs) {
  for (const auto& first :
       {"\x16\x03\x01\x02"s, "*1\r\n$4\r\nPING\r\n"s, "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n"s,
        "\0\0\0\7"s, std::string(24, 'A')}) {
    Conversation talk;
    talk.received(first);
    EXPECT_TRUE(talk.policies.ignored());
    EXPECT_EQ(talk.table().counters().opaque_connections.value(), 1U);
    EXPECT_EQ(talk.table().size(), 1U);
    talk.received(kGet);
    talk.sent(kOk);
    EXPECT_TRUE(talk.sink.exchanges.empty());
    talk.close();
    EXPECT_EQ(talk.table().size(), 0U);
  }
}

TEST(SessionTable, IgnoresAClientWhoseServerSpeaksFirst) {
  Conversation talk(model::Role::client);
  talk.received("220 ready\r\n");
  EXPECT_TRUE(talk.policies.ignored());
  talk.sent(kGet);
  talk.received(kOk);
  EXPECT_TRUE(talk.sink.exchanges.empty());
}

TEST(SessionTable, AnUnknownRoleThatReceivesARequestIsAServer) {
  Conversation talk(model::Role::unknown);
  talk.received(kGet);
  talk.sent(kOk);
  ASSERT_EQ(talk.sink.exchanges.size(), 1U);
  EXPECT_EQ(talk.sink.exchanges[0].role, model::Role::server);
}

TEST(SessionTable, AnUnknownRoleThatSendsARequestIsAClient) {
  Conversation talk(model::Role::unknown, false);
  talk.received("rest of an answer");
  talk.sent(kGet);
  talk.received(kOk);
  ASSERT_EQ(talk.sink.exchanges.size(), 1U);
  EXPECT_EQ(talk.sink.exchanges[0].role, model::Role::client);
}

TEST(SessionTable, CountsDataOfUnknownConnections) {
  Conversation talk;
  model::StreamData event;
  event.connection = 99;
  event.total_bytes = 1;
  talk.table().on_data(event);
  EXPECT_EQ(talk.table().counters().unknown_connection.value(), 1U);
  EXPECT_EQ(talk.table().size(), 1U);
}

TEST(SessionTable, IsBounded) {
  Conversation talk;
  model::ConnectionOpened event;
  for (std::uint64_t i = 0; i < kMaxSessions; ++i) {
    event.connection.id = 1000 + i;
    talk.table().on_opened(event);
  }
  EXPECT_EQ(talk.table().size(), kMaxSessions);
  EXPECT_EQ(talk.table().counters().sessions_over_limit.value(), 1U);
}

TEST(SessionTable, DropsWhatItHadAlready) {
  Conversation talk;
  talk.received(kGet);
  talk.position(Direction::received) -= kGet.size();
  talk.received(kGet);
  talk.position(Direction::received) -= 5;
  talk.received(kGet.substr(kGet.size() - 5) + kGet);
  talk.sent(kOk + kOk);
  EXPECT_EQ(talk.summaries().size(), 2U);
  EXPECT_EQ(talk.sink.gaps, 0U);
}

TEST(SessionTable, CountsEachHoleOnce) {
  Conversation talk;
  talk.lose(Direction::received, 10);
  talk.lose(Direction::sent, 10);
  talk.received(kGet);
  talk.sent(kOk);
  talk.lose(Direction::sent, 10);
  talk.received(kGet);
  talk.sent(kOk);
  EXPECT_EQ(talk.sink.gaps, 3U);
  EXPECT_EQ(talk.summaries().size(), 2U);
}

TEST(SessionTable, ARequestBehindALostOneIsNotBelieved) {
  Conversation talk;
  talk.lose(Direction::received, 10);
  talk.received(kGet);
  talk.sent("HTTP/1.1 500 X\r\n\r\n" + kOk);
  EXPECT_TRUE(talk.sink.exchanges.empty());
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(SessionTable, JoinedMidwayTriesABoundedNumberOfRecords) {
  Conversation talk(model::Role::server, false);
  for (std::size_t i = 1; i < kMaxDetectTries; ++i) talk.received("body");
  EXPECT_FALSE(talk.policies.ignored());
  talk.received("body");
  EXPECT_TRUE(talk.policies.ignored());
}

TEST(SessionTable, JoinedMidwayAPrefixThatIsNoneDoesNotHideARequest) {
  Conversation talk(model::Role::server, false);
  talk.received(std::string(22, 'A'));
  talk.received(kGet);
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), std::vector<std::string>{"GET / 204 0"});
}

TEST(SessionTable, FlushReportsWhatIsInProgress) {
  Conversation talk;
  talk.received(kGet + kGet);
  talk.sent("HTTP/1.0 200 OK\r\n\r\npart");
  talk.flush();
  EXPECT_EQ(talk.summaries(), std::vector<std::string>{"GET / 200 0"});
  EXPECT_EQ(talk.sink.count(IncompleteReason::no_answer), 1U);
  EXPECT_EQ(talk.table().size(), 0U);
}

TEST(SessionTable, TailsArePartOfTheRecord) {
  Conversation talk;
  const std::string post = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n" +
                           std::string(100, 'x') + "\r\n0\r\n\r\n";
  talk.record(Direction::received, post, 60, 10);
  talk.sent(kOk);
  EXPECT_EQ(talk.summaries(), std::vector<std::string>{"POST / 204 100"});
}

}  // namespace
}  // namespace beyla::protocols::session
