// The cost of a keep-alive exchange from records to Exchange, in both roles; with the request's
// record behind its answer; with a recording.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "protocols/session/conversation.h"
#include "protocols/session/payload_mask.h"

namespace {

using namespace beyla;
using protocols::session::Conversation;

constexpr std::string_view kRequest =
    "GET /api/v1/orders/4711?expand=items HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "User-Agent: Go-http-client/1.1\r\n"
    "Accept-Encoding: gzip\r\n\r\n";
constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/json\r\n"
    "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"
    "Content-Length: 2\r\n\r\nok";

void exchange(benchmark::State& state, model::Role role) {
  Conversation talk(role);
  for ([[maybe_unused]] auto step : state) {
    talk.ask(kRequest);
    talk.answer(kAnswer);
    talk.sink.exchanges.clear();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(exchange, server, model::Role::server);
BENCHMARK_CAPTURE(exchange, client, model::Role::client);

void restart_with_book(Conversation& talk) {
  talk.close();
  talk.table().keep_book({}, {});
  model::ConnectionInfo info;
  info.id = Conversation::kId;
  info.role = model::Role::server;
  info.seen_from_start = true;
  talk.table().on_opened({{}, info});
}

// With a book of 64 connections, which is written after every 256 records; one that is not kept
// costs what it costs in exchange/*.
void booked_exchange(benchmark::State& state) {
  constexpr std::size_t kTalks = 64;
  constexpr std::size_t kRecordsPerExchange = 2;
  constexpr std::size_t kCommitRecords = 256;
  std::vector<std::unique_ptr<Conversation>> talks;
  for (std::size_t i = 0; i < kTalks; ++i) {
    talks.push_back(std::make_unique<Conversation>());
    restart_with_book(*talks.back());
  }
  std::vector<std::byte> book(sizeof(std::uint64_t) +
                              sizeof(protocols::session::ConnectionBook::Entry));
  std::size_t next = 0;
  std::size_t records = 0;
  for ([[maybe_unused]] auto step : state) {
    Conversation& talk = *talks[next];
    next = (next + 1) % kTalks;
    talk.ask(kRequest);
    talk.answer(kAnswer);
    talk.sink.exchanges.clear();
    records += kRecordsPerExchange;
    if (records < kCommitRecords) continue;
    records = 0;
    for (const auto& each : talks) {
      each->table().take_book_changes([&](std::size_t offset, std::span<const std::byte> bytes) {
        std::ranges::copy(bytes, book.begin() + static_cast<std::ptrdiff_t>(offset));
      });
    }
    benchmark::DoNotOptimize(book.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(booked_exchange);

void late_request(benchmark::State& state) {
  Conversation talk(model::Role::client);
  for ([[maybe_unused]] auto step : state) {
    talk.send_late(kRequest);
    talk.answer(kAnswer);
    talk.deliver_late();
    talk.sink.exchanges.clear();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(late_request);

// Masks, and writes nowhere.
class MaskingTap final : public protocols::session::RecordTap {
 public:
  void retain(model::ConnectionId connection, model::Direction direction, std::uint64_t offset,
              std::uint64_t length) override {
    mask_.retain(connection, direction, offset, length);
  }
  void on_opened(const model::ConnectionOpened&) override {}
  void on_data(const model::StreamData& event) override {
    head_.assign(event.head.begin(), event.head.end());
    tail_.assign(event.tail.begin(), event.tail.end());
    mask_.apply(event, head_, tail_);
    benchmark::DoNotOptimize(head_.data());
  }
  void on_send_closed(const model::SendClosed&) override {}
  void on_closed(const model::ConnectionClosed&) override {}

 private:
  protocols::session::PayloadMask mask_;
  std::vector<std::byte> head_;
  std::vector<std::byte> tail_;
};

void recorded_exchange(benchmark::State& state) {
  MaskingTap tap;
  Conversation talk(model::Role::server, true, &tap);
  for ([[maybe_unused]] auto step : state) {
    talk.ask(kRequest);
    talk.answer(kAnswer);
    talk.sink.exchanges.clear();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(recorded_exchange);

}  // namespace

BENCHMARK_MAIN();
