#include "capture/record_decoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/byte_reader.h"

namespace beyla::capture {
namespace {

struct Collect final : model::EventSink {
  std::vector<model::ConnectionInfo> opened;
  std::vector<std::string> heads;
  std::vector<std::string> tails;
  int fins = 0;
  int closes = 0;
  void on_opened(const model::ConnectionOpened& event) override {
    opened.push_back(event.connection);
  }
  void on_data(const model::StreamData& event) override {
    heads.emplace_back(base::as_text(event.head));
    tails.emplace_back(base::as_text(event.tail));
  }
  void on_send_closed(const model::SendClosed&) override { ++fins; }
  void on_closed(const model::ConnectionClosed&) override { ++closes; }
};

template <typename T>
std::vector<std::byte> bytes_of(const T& record, std::string_view payload = {}) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &record, sizeof(T));
  const auto behind = base::as_bytes(payload);
  bytes.insert(bytes.end(), behind.begin(), behind.end());
  return bytes;
}

abi::event_data data_record(std::uint16_t head, std::uint32_t total) {
  abi::event_data record{};
  record.header.kind = abi::kEventData;
  record.head_bytes = head;
  record.total_bytes = total;
  return record;
}

TEST(RecordDecoder, SplitsHeadAndTail) {
  Collect sink;
  DecoderCounts counts;
  decode_record(bytes_of(data_record(3, 100), "GETxy"), sink, counts);
  EXPECT_EQ(sink.heads, std::vector<std::string>{"GET"});
  EXPECT_EQ(sink.tails, std::vector<std::string>{"xy"});
  EXPECT_EQ(counts.delivered[abi::kEventData].value(), 1U);
  EXPECT_EQ(counts.malformed.value(), 0U);
}

TEST(RecordDecoder, PassesOverARecordAndCountsIt) {
  DecoderCounts counts;
  pass_over_record(bytes_of(data_record(3, 100), "GETxy"), counts);
  EXPECT_EQ(counts.delivered[abi::kEventData].value(), 1U);
  EXPECT_EQ(counts.malformed.value(), 1U);
  abi::event_data unknown = data_record(0, 0);
  unknown.header.kind = abi::kEventKinds;
  pass_over_record(bytes_of(unknown), counts);
  pass_over_record({}, counts);
  EXPECT_EQ(counts.malformed.value(), 3U);
}

TEST(RecordDecoder, RefusesSizesThatDoNotFit) {
  Collect sink;
  DecoderCounts counts;
  decode_record(bytes_of(data_record(6, 100), "GETxy"), sink, counts);  // past the record
  decode_record(bytes_of(data_record(3, 4), "GETxy"), sink, counts);    // more than was sent
  decode_record(base::as_bytes("short"), sink, counts);
  EXPECT_TRUE(sink.heads.empty());
  EXPECT_EQ(counts.malformed.value(), 3U);
}

TEST(RecordDecoder, ReadsOpenFinAndClose) {
  Collect sink;
  DecoderCounts counts;
  abi::event_open open{};
  open.header = {abi::kEventOpen, sizeof(open), 5, 77};
  open.role = abi::kRoleServer;
  open.local_port = 8080;
  open.slot = 9;
  open.carrier = 76;
  decode_record(bytes_of(open), sink, counts);
  decode_record(bytes_of(abi::event_header{abi::kEventFin, 24, 6, 77}), sink, counts);
  decode_record(bytes_of(abi::event_header{abi::kEventClose, 24, 7, 77}), sink, counts);
  ASSERT_EQ(sink.opened.size(), 1U);
  EXPECT_EQ(sink.opened[0].id, 77U);
  EXPECT_EQ(sink.opened[0].role, model::Role::server);
  EXPECT_EQ(sink.opened[0].local.port, 8080);
  EXPECT_EQ(sink.opened[0].slot.index, 9U);
  EXPECT_EQ(sink.opened[0].carrier, 76U);
  EXPECT_EQ(sink.fins, 1);
  EXPECT_EQ(sink.closes, 1);
}

}  // namespace
}  // namespace beyla::capture
