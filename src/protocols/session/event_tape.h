// For tests: many connections at once, as records in the order in which a kernel's ring would hold
// them. Path and status of every exchange carry the same number. One thread.
#pragma once

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "model/event.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::session {

class EventTape {
 public:
  // One request with its answer: which records of the tape carry it.
  struct Serial {
    std::size_t connection = 0;
    std::size_t first = std::numeric_limits<std::size_t>::max();
    std::size_t head_end = 0;  // the record that completes the request's head
    std::size_t asked = 0;     // the last record of the request
    std::size_t last = 0;
    bool pipelined = false;
    [[nodiscard]] bool in_flight_at(std::size_t cut) const { return first < cut && cut <= last; }
  };

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  void play(std::size_t index, model::EventSink& sink) const {
    const Record& record = records_[index];
    if (record.kind == Kind::opened) sink.on_opened({record.data.time, record.info});
    if (record.kind == Kind::closed) sink.on_closed({record.data.time, record.info.id});
    if (record.kind != Kind::data) return;
    model::StreamData event = record.data;
    event.head = base::as_bytes(record.payload);
    sink.on_data(event);
  }
  // For the message of a test that fails.
  [[nodiscard]] std::string describe(std::size_t connection) const {
    std::string text;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const Record& record = records_[i];
      if (record.info.id != kFirstId + connection) continue;
      const bool received = record.data.direction == model::Direction::received;
      text += std::to_string(i) + (received ? " received " : " sent ") +
              std::to_string(record.data.offset) + ", other " +
              std::to_string(record.data.other_offset) + ": " + record.payload + "\n";
    }
    return text;
  }
  // By number, as in "/SERIAL/STATUS".
  [[nodiscard]] const std::vector<Serial>& serials() const { return serials_; }
  [[nodiscard]] base::BootTime time_of(std::size_t index) const {
    return records_[index].data.time;
  }

 protected:
  static constexpr model::ConnectionId kFirstId = 1000;
  enum class Kind : std::uint8_t { opened, data, closed };
  struct Record {
    Kind kind = Kind::data;
    model::ConnectionInfo info;
    model::StreamData data;
    std::string payload;
  };
  std::vector<Record> records_;
  std::vector<Serial> serials_;
  base::BootTime now_{std::chrono::seconds(1)};
};

// A tape of conversations made by chance.
class RandomTape final : public EventTape {
 public:
  struct Options {
    std::size_t connections = 4;
    unsigned exchanges = 12;       // of each
    unsigned batch_percent = 0;    // of them pipelined
    unsigned client_percent = 50;  // of the connections
  };
  RandomTape(unsigned seed, Options options) : random_(seed), options_(options) {
    talks_.resize(options.connections);
    for (std::size_t i = 0; i < talks_.size(); ++i) script(i);
    while (std::ranges::any_of(talks_, [](const Talk& talk) { return !talk.steps.empty(); })) {
      step(random_() % talks_.size());
    }
  }

 private:
  struct Step {
    enum What : std::uint8_t { open, ask, answer, close } what = ask;
    std::size_t serial = 0;
    std::string text;
    bool ends_head = false;
  };
  struct Late {
    Step step;
    std::uint64_t offset = 0;
  };
  struct Talk {
    model::ConnectionInfo info;
    std::deque<Step> steps;
    std::deque<Late> late;
    std::vector<std::size_t> held;  // serials whose answers a reader has to hold
    std::array<std::uint64_t, 2> positions{};
  };

  [[nodiscard]] bool chance(unsigned percent) { return random_() % 100 < percent; }

  void script(std::size_t index) {
    Talk& talk = talks_[index];
    talk.info.id = kFirstId + index;
    talk.info.role = chance(options_.client_percent) ? model::Role::client : model::Role::server;
    talk.info.seen_from_start = true;
    talk.info.slot = {static_cast<std::uint32_t>(index), 1};
    talk.steps.push_back({Step::open, 0, {}, false});
    for (unsigned i = 0; i < options_.exchanges; ++i) {
      const std::size_t count = chance(options_.batch_percent) ? 2 + random_() % 2 : 1;
      exchanges(talk, index, count);
    }
    if (chance(70)) talk.steps.push_back({Step::close, 0, {}, false});
  }

  // count > 1: without waiting for the answers.
  void exchanges(Talk& talk, std::size_t index, std::size_t count) {
    const std::size_t begin = serials_.size();
    for (std::size_t i = 0; i < count; ++i) {
      serials_.push_back({});
      serials_.back().connection = index;
      serials_.back().pipelined = count > 1;
      request(talk, begin + i, i > 0);
    }
    for (std::size_t i = 0; i < count; ++i) answer(talk, begin + i);
  }

  void request(Talk& talk, std::size_t serial, bool simple) {
    const auto ask = [&](std::string text, bool ends_head = false) {
      talk.steps.push_back({Step::ask, serial, std::move(text), ends_head});
    };
    const std::string line =
        "/" + std::to_string(serial) + "/" + std::to_string(status_of(serial)) + " HTTP/1.1\r\n";
    if (simple || chance(40)) {
      ask("GET " + line + "\r\n", true);
    } else if (chance(40)) {
      ask("POST " + line + "Content-Length: 60\r\n\r\n", true);
      // A client's interim answer that was held and died with its holder may have been the final
      // one: nobody can tell when the client does not wait for that.
      const bool may_interim = !serials_[serial].pipelined || talk.info.role == model::Role::server;
      if (may_interim && chance(30)) add_answer(talk, serial, "HTTP/1.1 100 Continue\r\n\r\n");
      // Content that looks like a request and its answer.
      ask("GET /0/999 HTTP/1.1\r\n\r\n1234567");
      ask("HTTP/1.1 999 X\r\n\r\n123456789012");
    } else if (chance(40)) {
      ask("PUT " + line + "Transfer-Encoding: chunked\r\n\r\n", true);
      ask("5\r\nhello\r\n");
      ask("0\r\n\r\n");
    } else {
      ask("G");
      ask("ET " + line);
      ask("\r\n", true);
    }
  }

  void add_answer(Talk& talk, std::size_t serial, std::string text) {
    talk.steps.push_back({Step::answer, serial, std::move(text), false});
  }

  void answer(Talk& talk, std::size_t serial) {
    const std::string status = "HTTP/1.1 " + std::to_string(status_of(serial)) + " X\r\n";
    if (chance(30)) {
      add_answer(talk, serial, status + "Content-Length: 20\r\n\r\n");
      add_answer(talk, serial, "0123456789");
      add_answer(talk, serial, "0123456789");
    } else if (chance(30)) {
      add_answer(talk, serial, status + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
      add_answer(talk, serial, "5\r\nhello\r\n");
      add_answer(talk, serial, "0\r\n\r\n");
    } else if (chance(30)) {
      add_answer(talk, serial, status + "Content-Length: 2\r\n");
      add_answer(talk, serial, "\r\nok");
    } else {
      add_answer(talk, serial, status + "Content-Length: 2\r\n\r\nok");
    }
  }

  [[nodiscard]] static std::size_t status_of(std::size_t serial) {
    const std::size_t status = 200 + serial % 300;
    return status == 204 || status == 304 ? status + 300 : status;  // those have no body
  }

  void step(std::size_t index) {
    Talk& talk = talks_[index];
    if (talk.steps.empty()) return;
    const Step step = std::move(talk.steps.front());
    talk.steps.pop_front();
    if (step.what == Step::open || step.what == Step::close) {
      deliver_late(talk);
      Record record{step.what == Step::open ? Kind::opened : Kind::closed, talk.info, {}, {}};
      record.data.time = tick();
      records_.push_back(std::move(record));
      return;
    }
    const auto asking = request_direction(talk.info.role);
    const auto direction = step.what == Step::ask ? asking : opposite(asking);
    auto& position = talk.positions[static_cast<std::size_t>(direction)];
    // What a client's other thread reads may come before the record of what was sent.
    const bool sends = direction == model::Direction::sent;
    if (sends || chance(40)) deliver_late(talk);
    if (sends && talk.info.role == model::Role::client && chance(30)) {
      talk.late.push_back({step, position});
    } else {
      put(talk, step, direction, position);
    }
    position += step.text.size();
    if (talk.steps.empty()) deliver_late(talk);
  }

  void deliver_late(Talk& talk) {
    if (talk.late.empty()) return;
    for (const Late& late : talk.late) {
      put(talk, late.step, model::Direction::sent, late.offset);
    }
    talk.late.clear();
    for (const std::size_t serial : talk.held) serials_[serial].last = records_.size() - 1;
    talk.held.clear();
  }

  void put(Talk& talk, const Step& step, model::Direction direction, std::uint64_t offset) {
    Record record{Kind::data, talk.info, {}, step.text};
    record.data.time = tick();
    record.data.connection = talk.info.id;
    record.data.direction = direction;
    record.data.offset = offset;
    record.data.other_offset = talk.positions[static_cast<std::size_t>(opposite(direction))];
    record.data.total_bytes = static_cast<std::uint32_t>(step.text.size());
    Serial& serial = serials_[step.serial];
    serial.first = std::min(serial.first, records_.size());
    serial.last = std::max(serial.last, records_.size());
    if (step.what == Step::ask) serial.asked = records_.size();
    if (step.what == Step::answer && !talk.late.empty()) talk.held.push_back(step.serial);
    if (step.ends_head) serial.head_end = records_.size();
    records_.push_back(std::move(record));
  }

  base::BootTime tick() { return now_ += std::chrono::milliseconds(1); }

  std::mt19937 random_;
  Options options_;
  std::vector<Talk> talks_;
};

}  // namespace beyla::protocols::session
