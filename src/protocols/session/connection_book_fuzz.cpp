// What a predecessor left: any bytes. What comes of them is a table that takes records, and whose
// own book its successor takes whole. Input: how many entries follow, then they.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "protocols/session/conversation.h"
#include "protocols/session/memory_book.h"

namespace {

namespace session = beyla::protocols::session;

using beyla::model::Direction;
using Entry = session::ConnectionBook::Entry;
using session::ConnectionBook;
using session::SessionTable;

constexpr std::size_t kMaxEntries = 64;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Life {
  session::RecordingSink sink;
  session::RecordingPolicies policies;
  SessionTable table{sink, policies, beyla::protocols::registry()};
};

// A request and its answer where the entry says that the streams are, or before.
void talk(SessionTable& table, const Entry& entry, std::int64_t& now_ns) {
  const auto record = [&](Direction direction, std::string_view text, std::uint64_t offset,
                          std::uint64_t other) {
    beyla::model::StreamData event;
    event.time = beyla::base::BootTime(std::chrono::nanoseconds(++now_ns));
    event.connection = entry.id;
    event.direction = direction;
    event.offset = offset;
    event.other_offset = other;
    event.total_bytes = static_cast<std::uint32_t>(text.size());
    event.head = beyla::base::as_bytes(text);
    table.on_data(event);
  };
  constexpr std::string_view kRequest = "GET /a HTTP/1.1\r\n\r\n";
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  std::uint64_t asked = entry.received_end;
  std::uint64_t answered = entry.sent_end;
  const Direction asking = session::request_direction(entry.role);
  if (asking == Direction::sent) std::swap(asked, answered);
  for (int i = 0; i < 2; ++i) {
    record(asking, kRequest, asked, answered);
    asked += kRequest.size();
    record(session::opposite(asking), kAnswer, answered, asked);
    answered += kAnswer.size();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto region = std::as_bytes(std::span(data, size));
  std::int64_t now_ns = 1;
  const beyla::base::BootTime now{std::chrono::nanoseconds(now_ns)};
  session::MemoryBook book;
  {
    Life life;
    const auto restored = life.table.keep_book(region, now);
    require(restored.connections == life.table.size());
    require(restored.connections + restored.refused <= size / sizeof(Entry));
    require(life.sink.begun == 0 && life.sink.exchanges.empty() && life.sink.in_flight() == 0);
    for (std::size_t i = 0; i < kMaxEntries; ++i) {
      const std::size_t at = sizeof(std::uint64_t) + i * sizeof(Entry);
      if (at + sizeof(Entry) > size) break;
      Entry entry;
      std::memcpy(static_cast<void*>(&entry), data + at, sizeof(entry));
      // Honest streams end long before the largest position that is taken.
      const bool has_room = std::max({entry.received_end, entry.sent_end, entry.held_end}) <
                            session::kMaxStreamPosition / 2;
      if (i % 2 == 0 && has_room) talk(life.table, entry, now_ns);
    }
    // The changes of a book are relative to what was there.
    session::MemoryBook own(region.first(std::min(size, ConnectionBook::region_bytes())));
    own.take(life.table);
    book = own;
  }
  Life successor;
  const auto restored = successor.table.keep_book(book.bytes(), now);
  require(restored.refused == 0);
  successor.table.tidy(now + session::kMaxHoldTime);
  successor.table.flush(now + session::kMaxHoldTime);
  require(successor.table.held_bytes() == 0 && successor.sink.in_flight() == 0);
  return 0;
}
