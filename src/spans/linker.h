// Gives requests their place in a trace. Exchanges go through it on their way to the SpanBuilder;
// it also sees the records they were made of, so that it knows which goroutine serves a request of
// plain HTTP/1 (the "thin join") and which request a client's call belongs to. Rules and limits:
// docs/design/0013-go-calls.md. The shard's thread only; the counters may be read by any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "base/counter.h"
#include "model/event.h"
#include "model/exchange.h"
#include "model/target.h"
#include "spans/first_calls.h"
#include "spans/number_index.h"
#include "spans/open_requests.h"
#include "spans/random_ids.h"

namespace beyla::spans {

enum class ParentBy : std::uint8_t { context, goroutine, parent_goroutine, none, kCount };

struct LinkCounters {
  base::Counter joined;    // requests of plain HTTP/1 whose goroutine is known
  base::Counter unjoined;  // goroutines that serve a request of plain HTTP/1 that nobody knows
  std::array<base::Counter, static_cast<std::size_t>(ParentBy::kCount)> parents;  // Go clients
  base::Counter over_limit;  // given up for want of room
};

class Linker final : public model::ExchangeSink, public model::EventSink, public model::TargetSink {
 public:
  // Ours. Work that a request started outlives it by a moment; addresses are soon used again.
  static constexpr std::chrono::seconds kKeepEnded{1};
  static constexpr std::size_t kMaxEnded = 4096;
  static constexpr std::chrono::seconds kCloseAfterPanic{1};  // ours, as calls::kMaxSilence
  // Each P of Go takes 16 ids at once and may use them later (runtime/proc.go newproc1, Go 1.17 to
  // 1.26): so many with 1,024 of them.
  static constexpr std::uint64_t kGoroutinesLate = 16 * 1024;
  static constexpr std::size_t kMaxConnections = 65536;  // as many as are followed
  static constexpr std::size_t kMaxGoProcesses = 4096;
  static constexpr std::chrono::seconds kKeepAfterExit{2};  // its records are read by then
  // Ours. One that calls no longer than that gives its place up when all are taken: the end of some
  // is never told, as where it came before their first call.
  static constexpr std::chrono::minutes kKeepSilent{1};

  // The sink must outlive this.
  Linker(model::ExchangeSink& sink, const RandomIds::Seed& seed)
      : sink_(sink), random_(seed), received_parents_(random_.number()) {}

  model::RequestId on_begun(const model::RequestBegun& begun) override;
  void on_exchange(model::Exchange&& exchange) override;
  void on_incomplete(const model::Incomplete& request) override;
  void on_withdrawn(const model::Withdrawn& request) override;
  void on_unpaired() override { sink_.on_unpaired(); }
  void on_gap() override { sink_.on_gap(); }

  // Records, each behind what was made of it.
  void on_opened(const model::ConnectionOpened& /*event*/) override {}
  void on_data(const model::StreamData& event) override;
  void on_send_closed(const model::SendClosed& /*event*/) override {}
  void on_closed(const model::ConnectionClosed& event) override;
  void on_call(const model::FunctionCall& call) override;

  void on_selected(const model::TargetProcess& /*target*/, base::BootTime /*time*/) override {}
  void on_rejected(const model::ProcessKey& /*key*/, base::BootTime /*time*/) override {}
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Call now and then.
  void expire(base::BootTime now);

  [[nodiscard]] std::size_t size() const { return requests_.size() + ended_.size(); }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  [[nodiscard]] std::size_t go_processes() const { return processes_.size(); }
  [[nodiscard]] const LinkCounters& counters() const { return counters_; }
  [[nodiscard]] LinkCounters& counters() { return counters_; }  // to restore them

 private:
  // A process that has called; by its numbers.
  struct GoProcess {
    explicit GoProcess(std::uint64_t seed)
        : connection_by_goroutine(seed),
          request_by_goroutine(seed),
          request_by_context(seed),
          callers(seed) {}
    NumberIndex connection_by_goroutine;  // address of the g
    // Of open requests their id, of ended ones kEnded and their number.
    NumberIndex request_by_goroutine;  // goroutine_key
    NumberIndex request_by_context;    // open ones
    FirstCalls callers;
    std::uint64_t newest_goroutine = 0;  // by its id; of those that were seen
    std::optional<base::BootTime> exited;
    base::BootTime called;  // last
  };
  // One that carries plain requests to a server.
  struct Connection {
    model::ProcessKey process;
    GoProcess* go = nullptr;      // null: it has not called yet
    std::uint64_t goroutine = 0;  // which received last; 0: not known, or it receives elsewhere now
    model::RequestId served = 0;  // the newest whose goroutine is known
    std::uint32_t first = OpenRequest::kNone;  // of those that wait for one
    std::uint32_t last = OpenRequest::kNone;
  };
  // What is left of a request that may still be named as a parent: small, as there are many.
  struct Ended {
    model::ProcessKey process;
    std::uint64_t goroutine_key = 0;
    model::TraceContext trace;
    base::BootTime begun;
    std::uint64_t newest_goroutine = 0;
    base::BootTime time;  // of its end
  };
  static constexpr std::uint64_t kEnded = std::uint64_t{1} << 63U;  // in no RequestId

  // linker.cpp
  void give_trace(OpenRequest& request, const model::RequestBegun& begun);
  [[nodiscard]] bool names_itself(const model::RequestBegun& begun) const;
  void end(model::RequestId id);
  void keep_ended(const OpenRequest& request, model::RequestId id);
  void remove(model::RequestId id);
  void forget_ended(base::BootTime now);
  // goroutine_join.cpp
  [[nodiscard]] GoProcess* go_process(const model::ProcessKey& key);
  [[nodiscard]] GoProcess* find_process(const model::ProcessKey& key);
  void drop_process(const model::ProcessKey& key);
  void enqueue(model::RequestId id, OpenRequest& request);
  void leave_queue(OpenRequest& request, std::uint32_t index);
  void receive_on(model::ConnectionId id, Connection& connection, std::uint64_t goroutine);
  [[nodiscard]] OpenRequest* first_waiting(GoProcess& process, const model::FunctionCall& call);
  void join(GoProcess& process, const model::FunctionCall& call, OpenRequest& request,
            base::BootTime served_since);
  void serve(GoProcess& process, model::RequestId id, OpenRequest& request,
             const model::CallOrigin& origin, base::BootTime served_since);
  // parents.cpp
  struct Candidate {
    const model::TraceContext* trace = nullptr;
    base::BootTime begun;
    std::uint64_t newest_goroutine = 0;
  };
  [[nodiscard]] const model::TraceContext* find_parent(GoProcess& process,
                                                       const model::CallOrigin& origin,
                                                       base::BootTime time);
  [[nodiscard]] std::optional<Candidate> find_candidate(std::optional<std::uint64_t> request);
  [[nodiscard]] const model::TraceContext* parent_by_context(const GoProcess& process,
                                                             const model::CallOrigin& origin);
  void begin_http1(GoProcess& process, const model::FunctionCall& call);
  [[nodiscard]] OpenRequest* find_joined(GoProcess& process, const model::FunctionCall& call);
  [[nodiscard]] OpenRequest* find_served(GoProcess& process, const model::FunctionCall& call);
  void take_route(GoProcess& process, const model::FunctionCall& call);
  void panic(GoProcess& process, const model::FunctionCall& call);

  model::ExchangeSink& sink_;
  RandomIds random_;
  OpenRequests requests_;
  // Of open requests to servers that name a span: that span, in their process.
  NumberIndex received_parents_;
  std::unordered_map<model::ConnectionId, Connection> connections_;
  std::unordered_map<model::ProcessKey, GoProcess, model::ProcessKeyHash> processes_;
  model::ProcessKey newest_key_;
  GoProcess* newest_ = nullptr;  // that of newest_key_; null: look it up
  std::deque<Ended> ended_;
  std::uint64_t first_ended_ = 0;  // number of the front
  base::BootTime now_;             // of the newest record
  LinkCounters counters_;
};

}  // namespace beyla::spans
