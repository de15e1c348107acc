#include "protocols/session/encrypted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "protocols/session/conversation.h"

namespace beyla::protocols::session {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr model::ProcessKey kProcess{7, 1, 100};
constexpr model::ProcessKey kOther{8, 1, 200};

base::BootTime at(std::chrono::nanoseconds time) { return base::BootTime(time); }

bool begins(const std::string& bytes) { return begins_tls_record(std::as_bytes(std::span(bytes))); }

TEST(TlsRecord, IsKnownByItsHeader) {
  EXPECT_TRUE(begins("\x16\x03\x01\x02\x00rest"s));
  EXPECT_TRUE(begins("\x17\x03\x03\x48\x00"s));
  EXPECT_TRUE(begins("\x14\x03\x03\x00\x01"s));
  for (const auto& other :
       {"\x16\x03\x01\x02"s, "\x13\x03\x01\x02\x00"s, "\x18\x03\x01\x02\x00"s,
        "\x16\x02\x01\x02\x00"s, "\x16\x03\x05\x02\x00"s, "\x16\x03\x01\x00\x00"s,
        "\x16\x03\x01\x48\x01"s, "GET / HTTP/1.1"s, ""s}) {
    EXPECT_FALSE(begins(other)) << other;
  }
}

TEST(EncryptedConnections, OneOfWhichNothingIsSeenCountsAtItsEnd) {
  EncryptedConnections connections;
  connections.on_recognised(1, kProcess, at(1s));
  EXPECT_EQ(connections.counters().unseen.value(), 0U);
  connections.on_closed(1, at(1s));
  EXPECT_EQ(connections.counters().recognised.value(), 1U);
  EXPECT_EQ(connections.counters().unseen.value(), 1U);
  EXPECT_THAT(connections.take_blind(), ElementsAre(kProcess));
  EXPECT_THAT(connections.take_blind(), IsEmpty());
}

TEST(EncryptedConnections, OneThatLivesOnCountsAfterAWhileOnce) {
  EncryptedConnections connections;
  connections.on_recognised(1, kProcess, at(1s));
  connections.tidy(at(1s + EncryptedConnections::kPatience - 1ns));
  EXPECT_EQ(connections.counters().unseen.value(), 0U);
  connections.tidy(at(1s + EncryptedConnections::kPatience));
  connections.on_closed(1, at(9s));
  EXPECT_EQ(connections.counters().unseen.value(), 1U);
}

TEST(EncryptedConnections, OneWithPlaintextIsSeen) {
  EncryptedConnections connections;
  connections.on_recognised(1, kProcess, at(1s));
  connections.on_plaintext(1);
  connections.tidy(at(9s));
  connections.on_closed(1, at(9s));
  EXPECT_EQ(connections.counters().unseen.value(), 0U);
  EXPECT_THAT(connections.take_blind(), IsEmpty());
}

TEST(EncryptedConnections, ThoseOfAProcessWhoseCallsAreSeenAreSeen) {
  EncryptedConnections connections;
  connections.on_recognised(1, kProcess, at(1s));
  connections.on_recognised(2, kOther, at(1s));
  connections.on_call(kProcess);
  connections.tidy(at(9s));
  EXPECT_EQ(connections.counters().unseen.value(), 1U);
  EXPECT_THAT(connections.take_blind(), ElementsAre(kOther));
}

TEST(EncryptedConnections, AProcessIsNamedWithGrowingPauses) {
  EncryptedConnections connections;
  std::size_t named = 0;
  model::ConnectionId id = 0;
  for (auto now = at(1s); now < at(100s); now += 1s) {
    connections.on_recognised(++id, kProcess, now);
    connections.on_closed(id, now);
    named += connections.take_blind().size();
  }
  EXPECT_EQ(connections.counters().unseen.value(), 99U);
  EXPECT_EQ(named, 6U);  // at 1, 3, 7, 15, 31, 63 s
}

TEST(EncryptedConnections, OverTheLimitOneIsJudgedAtOnce) {
  EncryptedConnections connections;
  for (model::ConnectionId id = 1; id <= EncryptedConnections::kMaxPending + 1; ++id) {
    connections.on_recognised(id, kProcess, at(1s));
  }
  EXPECT_EQ(connections.counters().unseen.value(), 1U);
}

TEST(SessionTable, BytesOfTlsOnAPlainPortAreRecognisedOnceAndIgnored) {
  Conversation talk;
  talk.received("\x16\x03\x01\x02\x00"s + std::string(100, 'x'));
  EXPECT_TRUE(talk.policies.ignored());
  talk.sent("\x16\x03\x03\x00\x7a"s + std::string(122, 'y'));
  talk.close();
  const auto& counters = talk.table().encrypted().counters();
  EXPECT_EQ(counters.recognised.value(), 1U);
  EXPECT_EQ(counters.unseen.value(), 1U);
  EXPECT_TRUE(talk.sink.exchanges.empty());
}

TEST(SessionTable, AClientThatSendsTlsIsRecognised) {
  Conversation talk(model::Role::client);
  talk.sent("\x16\x03\x01\x02\x00"s + std::string(100, 'x'));
  EXPECT_TRUE(talk.policies.ignored());
  EXPECT_EQ(talk.table().encrypted().counters().recognised.value(), 1U);
}

// The probes came when its request had been sent.
TEST(SessionTable, PlaintextWithoutARequestIsAnUnseenConnection) {
  for (const bool is_text : {true, false}) {
    Conversation talk;
    model::ConnectionInfo plaintext;
    plaintext.carrier = 5;
    plaintext.id = model::ConnectionId{1} << 63U | plaintext.carrier;
    plaintext.role = model::Role::client;
    plaintext.seen_from_start = is_text;
    talk.table().on_opened({talk.now(), plaintext});
    const std::string answer = "HTTP/1.1 204 X\r\n\r\n";
    model::StreamData data{};
    data.connection = plaintext.id;
    data.direction = model::Direction::received;
    data.total_bytes = static_cast<std::uint32_t>(answer.size());
    data.head = base::as_bytes(answer);
    talk.table().on_data(data);
    talk.table().on_closed({talk.now(), plaintext.id});
    EXPECT_EQ(talk.table().encrypted().counters().unseen.value(), 1U);
  }
}

TEST(SessionTable, TextIsNotTls) {
  Conversation talk;
  talk.received("*1\r\n$4\r\nPING\r\n"s);
  talk.close();
  EXPECT_TRUE(talk.policies.ignored());
  EXPECT_EQ(talk.table().encrypted().counters().recognised.value(), 0U);
}

}  // namespace
}  // namespace beyla::protocols::session
