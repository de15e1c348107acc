// Each recording, read by a process that is killed behind every one of its events: what was in
// flight is lost, and nothing else.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "capture/replay/player.h"
#include "protocols/session/conversation.h"
#include "protocols/session/memory_book.h"

namespace beyla {
namespace {

using protocols::session::MemoryBook;
using protocols::session::RecordingPolicies;
using protocols::session::RecordingSink;
using protocols::session::SessionTable;

// Keeps the events, to play them again from anywhere.
class Events final : public model::EventSink {
 public:
  void on_opened(const model::ConnectionOpened& event) override {
    add([event](model::EventSink& sink) { sink.on_opened(event); });
  }
  void on_data(const model::StreamData& event) override {
    add([event, head = std::vector(event.head.begin(), event.head.end()),
         tail = std::vector(event.tail.begin(), event.tail.end())](model::EventSink& sink) {
      model::StreamData copy = event;
      copy.head = head;
      copy.tail = tail;
      sink.on_data(copy);
    });
  }
  void on_send_closed(const model::SendClosed& event) override {
    add([event](model::EventSink& sink) { sink.on_send_closed(event); });
  }
  void on_closed(const model::ConnectionClosed& event) override {
    add([event](model::EventSink& sink) { sink.on_closed(event); });
  }
  [[nodiscard]] std::size_t size() const { return events_.size(); }
  void play(std::size_t begin, std::size_t end, model::EventSink& sink) const {
    for (std::size_t i = begin; i < end; ++i) events_[i](sink);
  }

 private:
  void add(std::function<void(model::EventSink&)> event) { events_.push_back(std::move(event)); }
  std::vector<std::function<void(model::EventSink&)>> events_;
};

class Nobody final : public model::TargetSink, public capture::replay::TickSink {
  void on_selected(const model::TargetProcess& /*target*/, base::BootTime /*time*/) override {}
  void on_rejected(const model::ProcessKey& /*key*/, base::BootTime /*time*/) override {}
  void on_exited(const model::ProcessKey& /*key*/, base::BootTime /*time*/) override {}
  void on_tick(base::BootTime /*time*/) override {}
};

Events events_of(const std::string& path) {
  Events events;
  const auto file = capture::replay::open_recording(path);
  EXPECT_TRUE(file.has_value()) << path;
  auto reader =
      capture::replay::RecordingReader::make(capture::replay::read_from(file->get()), path);
  EXPECT_TRUE(reader.has_value()) << path;
  Nobody nobody;
  capture::DecoderCounts counts;
  EXPECT_FALSE(capture::replay::play(*reader, {events, nobody, nobody}, counts).failure) << path;
  return events;
}

struct Outcome {
  std::map<std::string, std::size_t> exchanges;
  std::size_t total = 0;
  std::size_t in_flight = 0;  // at the crash
  std::size_t open = 0;       // connections, then
};

// One life, from a book on: to where it is killed, or to the end.
void live(const Events& events, std::size_t begin, std::size_t end, MemoryBook& book,
          Outcome& outcome) {
  RecordingSink sink;
  RecordingPolicies policies;
  SessionTable table(sink, policies, protocols::registry(), nullptr,
                     protocols::session::RecordOrder::resolved);
  EXPECT_EQ(table.keep_book(book.bytes(), {}).refused, 0U);
  events.play(begin, end, table);
  outcome.in_flight = sink.in_flight();
  outcome.open = table.size();
  book.take(table);
  if (end == events.size()) table.flush(base::BootTime(std::chrono::hours(1)));
  for (const auto& exchange : sink.exchanges) {
    ++outcome.exchanges[std::to_string(exchange.connection) + exchange.semantics.operation +
                        exchange.semantics.target + exchange.semantics.outcome];
  }
  outcome.total += sink.exchanges.size();
}

TEST(CapturesResume, ACrashCostsWhatWasInFlightOnly) {
  std::size_t recordings = 0;
  std::size_t exchanges = 0;
  for (const auto& file : std::filesystem::directory_iterator(BEYLA_CAPTURES)) {
    if (file.path().extension() != ".beyla") continue;
    ++recordings;
    const Events events = events_of(file.path());
    Outcome whole;
    MemoryBook unused;
    live(events, 0, events.size(), unused, whole);
    exchanges += whole.total;
    for (std::size_t cut = 1; cut < events.size(); ++cut) {
      Outcome outcome;
      MemoryBook book;
      live(events, 0, cut, book, outcome);
      const std::size_t in_flight = outcome.in_flight;
      const std::size_t half_read = outcome.open;  // a head per connection, at most
      live(events, cut, events.size(), book, outcome);
      EXPECT_GE(outcome.total + in_flight + half_read, whole.total) << file.path() << cut;
      EXPECT_LE(outcome.total, whole.total - in_flight) << file.path() << cut;
      for (const auto& [line, count] : outcome.exchanges) {
        EXPECT_LE(count, whole.exchanges[line]) << file.path() << cut << line;
      }
    }
  }
  EXPECT_GE(recordings, 5U);
  EXPECT_GT(exchanges, 30U);
}

}  // namespace
}  // namespace beyla
