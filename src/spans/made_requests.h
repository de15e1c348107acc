// For tests: a process whose requests, records and calls pass a Linker. One thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "spans/linker.h"

namespace beyla::spans {

inline constexpr model::ProcessKey kGoProcess{41, 1, 1000};

class KeepingSink final : public model::ExchangeSink {
 public:
  model::RequestId on_begun(const model::RequestBegun&) override {
    ++begun;
    return 0;
  }
  void on_exchange(model::Exchange&& exchange) override {
    exchanges.push_back(std::move(exchange));
  }
  void on_incomplete(const model::Incomplete&) override { ++incomplete; }
  void on_withdrawn(const model::Withdrawn&) override { ++withdrawn; }
  void on_unpaired() override { ++unpaired; }
  void on_gap() override { ++gaps; }

  std::size_t begun = 0;
  std::vector<model::Exchange> exchanges;
  std::size_t incomplete = 0;
  std::size_t withdrawn = 0;
  std::size_t unpaired = 0;
  std::size_t gaps = 0;
};

// A connection that carries the number 7 is read by goroutine 7, and so on, unless a test says so.
class Traffic {
 public:
  model::RequestId begin(model::ConnectionId connection, model::Role role = model::Role::server) {
    model::RequestBegun begun;
    begun.process = process;
    begun.role = role;
    begun.connection = connection;
    begun.time = now();
    begun.incoming = incoming;
    begun.origin = origin;
    return linker.on_begun(begun);
  }
  void receive(model::ConnectionId connection, std::uint64_t goroutine, std::uint32_t bytes = 100) {
    model::StreamData event;
    event.time = now();
    event.connection = connection;
    event.process = process;
    event.goroutine = goroutine;
    event.total_bytes = bytes;
    linker.on_data(event);
  }
  // The record that completes a head, as the sessions and then the linker see it.
  model::RequestId request(model::ConnectionId connection, std::uint64_t goroutine) {
    const auto id = begin(connection);
    receive(connection, goroutine);
    return id;
  }
  void call(model::CallKind kind, std::uint64_t goroutine, std::string_view target = {},
            model::ConnectionId connection = 0) {
    model::FunctionCall made;
    made.kind = kind;
    made.time = now();
    made.process = process;
    made.origin.goroutine = goroutine;
    made.origin.goroutine_id = goroutine + 1000;
    made.origin.context = goroutine + 0xc000;
    made.target = target;
    made.connection = connection;
    made.owner = kind == model::CallKind::http1_begin ? 0 : began_ns;
    linker.on_call(made);
  }
  // As gorilla/mux tells it, in pieces.
  void template_of(std::uint64_t goroutine, std::string_view target) {
    model::FunctionCall made;
    made.kind = model::CallKind::route;
    made.time = now();
    made.process = process;
    made.origin.goroutine = goroutine;
    made.origin.goroutine_id = goroutine + 1000;
    made.target = target;
    made.owner = began_ns;
    made.more_pieces = true;
    linker.on_call(made);
  }
  void serve(std::uint64_t goroutine) { call(model::CallKind::http1_begin, goroutine); }
  model::Exchange end(model::RequestId id) {
    model::Exchange exchange;
    exchange.request = id;
    exchange.process = process;
    linker.on_exchange(std::move(exchange));
    return sink.exchanges.back();
  }
  // The connection closes without an answer.
  void lose(model::RequestId id,
            model::IncompleteReason reason = model::IncompleteReason::no_answer) {
    model::Exchange unanswered;
    unanswered.request = id;
    unanswered.semantics.target = "/lost";
    linker.on_incomplete({process, model::Role::server, reason, now(), id, &unanswered});
  }
  // What a client's call that comes from there is given.
  model::TraceContext ask(const model::CallOrigin& from) {
    origin = from;
    const auto trace = end(begin(0, model::Role::client)).trace;
    origin.reset();
    return trace;
  }
  [[nodiscard]] base::BootTime now() const { return base::BootTime(time); }
  [[nodiscard]] std::uint64_t parents(ParentBy by) const {
    return linker.counters().parents[static_cast<std::size_t>(by)].value();
  }

  KeepingSink sink;
  Linker linker{sink, {1, 2, 3, 4}};
  model::ProcessKey process = kGoProcess;
  std::optional<model::TraceParent> incoming;
  std::optional<model::CallOrigin> origin;
  std::chrono::nanoseconds time = std::chrono::seconds(1);
  std::uint64_t began_ns = 0;  // of the handler, as routes and panics tell it; 0: they do not
};

}  // namespace beyla::spans
