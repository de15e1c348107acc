#include "capture/record_encoder.h"

#include <gtest/gtest.h>

#include <string>

#include "base/byte_reader.h"
#include "capture/record_decoder.h"

namespace beyla::capture {
namespace {

using std::chrono::nanoseconds;

// Keeps what it was given; the bytes of heads and tails become text.
struct Keep final : model::EventSink {
  std::vector<model::ConnectionOpened> opened;
  std::vector<model::StreamData> data;
  std::vector<std::string> texts;
  std::vector<model::SendClosed> fins;
  std::vector<model::ConnectionClosed> closes;
  void on_opened(const model::ConnectionOpened& event) override { opened.push_back(event); }
  void on_data(const model::StreamData& event) override {
    data.push_back(event);
    texts.emplace_back(base::as_text(event.head));
    texts.emplace_back(base::as_text(event.tail));
  }
  void on_send_closed(const model::SendClosed& event) override { fins.push_back(event); }
  void on_closed(const model::ConnectionClosed& event) override { closes.push_back(event); }
};

template <typename Event>
Keep round_trip(const Event& event) {
  std::vector<std::byte> bytes;
  encode_record(event, bytes);
  Keep keep;
  DecoderCounts counts;
  decode_record(bytes, keep, counts);
  EXPECT_EQ(counts.malformed.value(), 0U);
  return keep;
}

base::BootTime at(std::int64_t ns) { return base::BootTime(nanoseconds(ns)); }

TEST(RecordEncoder, OpenedComesBackAsItWas) {
  model::ConnectionOpened event{at(5), {}, {41, 2, 1000}};
  event.connection.id = 77;
  event.connection.role = model::Role::client;
  event.connection.seen_from_start = true;
  event.connection.local.address.bytes[15] = 1;
  event.connection.local.port = 8080;
  event.connection.remote.address.bytes[0] = 0xfe;
  event.connection.remote.port = 443;
  event.connection.slot = {9, 3};
  event.connection.carrier = 76;
  const Keep keep = round_trip(event);
  ASSERT_EQ(keep.opened.size(), 1U);
  const model::ConnectionInfo& info = keep.opened[0].connection;
  EXPECT_EQ(keep.opened[0].time, at(5));
  EXPECT_EQ(keep.opened[0].process, event.process);
  EXPECT_EQ(info.id, 77U);
  EXPECT_EQ(info.role, model::Role::client);
  EXPECT_TRUE(info.seen_from_start);
  EXPECT_EQ(info.local.address, event.connection.local.address);
  EXPECT_EQ(info.local.port, 8080);
  EXPECT_EQ(info.remote.address, event.connection.remote.address);
  EXPECT_EQ(info.remote.port, 443);
  EXPECT_EQ(info.slot.index, 9U);
  EXPECT_EQ(info.slot.generation, 3U);
  EXPECT_EQ(info.carrier, 76U);
}

TEST(RecordEncoder, EachRoleComesBack) {
  for (const auto role : {model::Role::unknown, model::Role::client, model::Role::server}) {
    model::ConnectionOpened event;
    event.connection.role = role;
    EXPECT_EQ(round_trip(event).opened.at(0).connection.role, role);
  }
}

TEST(RecordEncoder, DataComesBackAsItWas) {
  model::StreamData event;
  event.time = at(6);
  event.connection = 77;
  event.process = {41, 2, 1000};
  event.direction = model::Direction::sent;
  event.offset = 1'000'000'000'000;
  event.other_offset = 17;
  event.total_bytes = 100;
  event.head = base::as_bytes("HTTP/1.1 200 OK");
  event.tail = base::as_bytes("\r\n");
  const Keep keep = round_trip(event);
  ASSERT_EQ(keep.data.size(), 1U);
  EXPECT_EQ(keep.data[0].time, at(6));
  EXPECT_EQ(keep.data[0].connection, 77U);
  EXPECT_EQ(keep.data[0].process, event.process);
  EXPECT_EQ(keep.data[0].direction, model::Direction::sent);
  EXPECT_EQ(keep.data[0].offset, event.offset);
  EXPECT_EQ(keep.data[0].other_offset, 17U);
  EXPECT_EQ(keep.data[0].total_bytes, 100U);
  EXPECT_EQ(keep.data[0].arrival, std::nullopt);
  EXPECT_EQ(keep.texts, (std::vector<std::string>{"HTTP/1.1 200 OK", "\r\n"}));
}

TEST(RecordEncoder, ArrivalOfReceivedBytesComesBack) {
  model::StreamData event;
  event.arrival = at(4);
  const Keep keep = round_trip(event);
  ASSERT_EQ(keep.data.size(), 1U);
  EXPECT_EQ(keep.data[0].direction, model::Direction::received);
  EXPECT_EQ(keep.data[0].arrival, at(4));
}

TEST(RecordEncoder, EndsComeBack) {
  EXPECT_EQ(round_trip(model::SendClosed{at(7), 77}).fins.at(0).time, at(7));
  EXPECT_EQ(round_trip(model::SendClosed{at(7), 77}).fins.at(0).connection, 77U);
  EXPECT_EQ(round_trip(model::ConnectionClosed{at(8), 78}).closes.at(0).time, at(8));
  EXPECT_EQ(round_trip(model::ConnectionClosed{at(8), 78}).closes.at(0).connection, 78U);
}

}  // namespace
}  // namespace beyla::capture
