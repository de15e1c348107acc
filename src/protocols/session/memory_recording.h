// For tests: what a recorder would write of a session table's events, masked, and its replay.
#pragma once

#include <variant>
#include <vector>

#include "protocols/session/conversation.h"
#include "protocols/session/payload_mask.h"

namespace beyla::protocols::session {

class MemoryRecording final : public RecordTap {
 public:
  struct Data {
    model::StreamData event;  // its spans are dead
    std::vector<std::byte> head;
    std::vector<std::byte> tail;
  };

  void retain(model::ConnectionId connection, model::Direction direction, std::uint64_t offset,
              std::uint64_t length) override {
    mask_.retain(connection, direction, offset, length);
  }
  void on_opened(const model::ConnectionOpened& event) override { events_.emplace_back(event); }
  void on_data(const model::StreamData& event) override {
    Data data{
        event, {event.head.begin(), event.head.end()}, {event.tail.begin(), event.tail.end()}};
    mask_.apply(event, data.head, data.tail);
    events_.emplace_back(std::move(data));
  }
  void on_send_closed(const model::SendClosed& event) override { events_.emplace_back(event); }
  void on_closed(const model::ConnectionClosed& event) override { events_.emplace_back(event); }

  void replay(model::EventSink& sink) const {
    for (const auto& event : events_) {
      std::visit([&sink](const auto& one) { pass_on(sink, one); }, event);
    }
  }
  // All payload that was written.
  [[nodiscard]] std::string text() const {
    std::string result;
    for (const auto& event : events_) {
      const auto* data = std::get_if<Data>(&event);
      if (data == nullptr) continue;
      result += base::as_text(data->head);
      result += base::as_text(data->tail);
    }
    return result;
  }

 private:
  static void pass_on(model::EventSink& sink, const model::ConnectionOpened& event) {
    sink.on_opened(event);
  }
  static void pass_on(model::EventSink& sink, const Data& data) {
    model::StreamData event = data.event;
    event.head = data.head;
    event.tail = data.tail;
    sink.on_data(event);
  }
  static void pass_on(model::EventSink& sink, const model::SendClosed& event) {
    sink.on_send_closed(event);
  }
  static void pass_on(model::EventSink& sink, const model::ConnectionClosed& event) {
    sink.on_closed(event);
  }

  PayloadMask mask_;
  std::vector<
      std::variant<model::ConnectionOpened, Data, model::SendClosed, model::ConnectionClosed>>
      events_;
};

// What a conversation came to, with everything that a replay must give again.
struct Books {
  std::vector<std::string> exchanges;
  decltype(RecordingSink::incomplete) incomplete{};
  std::size_t unpaired = 0;
  std::size_t gaps = 0;
  std::uint64_t opaque = 0;
  bool operator==(const Books&) const = default;
};

// An authority that came in pieces is masked in a recording.
[[nodiscard]] inline std::string comparable(model::Exchange exchange) {
  std::string& target = exchange.semantics.target;
  if (!target.starts_with('/') && target != "*") target = "authority";
  return summary(exchange);
}

[[nodiscard]] inline Books books_of(const RecordingSink& sink, const SessionTable& table) {
  Books books{
      {}, sink.incomplete, sink.unpaired, sink.gaps, table.counters().opaque_connections.value()};
  for (const model::Exchange& exchange : sink.exchanges) {
    books.exchanges.push_back(comparable(exchange) + ' ' +
                              std::to_string(exchange.received.time_since_epoch().count()) + ' ' +
                              std::to_string(exchange.end.time_since_epoch().count()));
  }
  return books;
}

[[nodiscard]] inline Books replayed(const MemoryRecording& recording, base::BootTime end) {
  RecordingSink sink;
  RecordingPolicies policies;
  SessionTable table(sink, policies, registry(), nullptr, RecordOrder::resolved);
  recording.replay(table);
  table.flush(end);
  return books_of(sink, table);
}

}  // namespace beyla::protocols::session
