// Requests that a probe inside the process sees, begin and end: HTTP/1 behind TLS, HTTP/2, gRPC,
// and what Go clients ask. Calls come in, in ring order; Exchanges go out. Requests of plain HTTP/1
// belong to the parser of the socket: this stands between it and the sink, and says of a client's
// request who asked. Rules and limits: docs/design/0013-go-calls.md. The shard's thread only; the
// counters may be read by any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/counter.h"
#include "model/event.h"
#include "model/exchange.h"
#include "model/target.h"
#include "protocols/calls/connection_index.h"
#include "protocols/calls/end_watch.h"
#include "protocols/calls/open_calls.h"
#include "protocols/calls/trace_parents.h"

namespace beyla::protocols::calls {

// Ours. Of a call that panicked, or an attempt that failed: what ends it otherwise has come by
// then.
inline constexpr std::chrono::seconds kMaxSilence{1};
// Ours. A client's record of the send may be late, by as much as session::kMaxHoldTime.
inline constexpr std::chrono::milliseconds kSettleTime{500};
inline constexpr std::size_t kMaxSettling = 4096;
inline constexpr std::size_t kMaxUpgraded = 1024;         // ours; more end at once
inline constexpr std::size_t kMaxLinks = 65536;           // connections
inline constexpr std::size_t kMaxUnlinked = 4096;         // requests of clients on sockets
inline constexpr std::size_t kMaxNestedCalls = 4;         // clients on one goroutine
inline constexpr unsigned kMaxEndsAbove = 8;              // then the end of the one below was lost
inline constexpr std::chrono::seconds kKeepAfterExit{2};  // records of the dead are read by then

struct CallCounters {
  base::Counter over_limit;   // given up for want of room
  base::Counter missed_ends;  // calls that ended unseen: another one has their goroutine or name
  base::Counter blind;  // processes whose calls of a kind begin and never end, see end_watch.h
  base::Counter unmatched_ends;  // ends and links of calls whose begin was not seen, or ended twice
};

class CallTable final : public model::EventSink,
                        public model::ExchangeSink,
                        public model::TargetSink {
 public:
  // The sink must outlive this.
  explicit CallTable(model::ExchangeSink& sink) : sink_(sink) {}

  // In: records of the kernel, once the sessions have seen them.
  void on_opened(const model::ConnectionOpened& event) override;
  void on_data(const model::StreamData& /*event*/) override {}
  void on_send_closed(const model::SendClosed& /*event*/) override {}
  void on_closed(const model::ConnectionClosed& event) override;
  void on_call(const model::FunctionCall& call) override;

  // In: what the sockets' parsers say; it is passed on.
  model::RequestId on_begun(const model::RequestBegun& begun) override;
  void on_exchange(model::Exchange&& exchange) override;
  void on_incomplete(const model::Incomplete& request) override { sink_.on_incomplete(request); }
  void on_withdrawn(const model::Withdrawn& request) override { sink_.on_withdrawn(request); }
  void on_unpaired() override { sink_.on_unpaired(); }
  void on_gap() override { sink_.on_gap(); }

  void on_selected(const model::TargetProcess& /*target*/, base::BootTime /*time*/) override {}
  void on_rejected(const model::ProcessKey& /*key*/, base::BootTime /*time*/) override {}
  void on_exited(const model::ProcessKey& key, base::BootTime time) override;

  // Ends what no call will end. To be called twice a second, when all records that there are have
  // been delivered.
  void tidy(base::BootTime now);
  // At shutdown: ends everything.
  void flush(base::BootTime now);

  // What is blind since it was last asked.
  [[nodiscard]] std::vector<BlindCalls> take_blind() { return std::exchange(blind_, {}); }

  // A call waits for its time.
  [[nodiscard]] bool waits() const { return has_due_ || !settling_.empty() || !upgraded_.empty(); }
  [[nodiscard]] std::size_t size() const { return open_.size() + settling_.size(); }
  [[nodiscard]] const CallCounters& counters() const { return counters_; }
  [[nodiscard]] CallCounters& counters() { return counters_; }  // to restore them

 private:
  // A request that will be sent next on a connection.
  struct Link {
    model::CallOrigin origin;
    CallKey key;
    std::uint64_t serial = 0;  // 0: its begin was not seen
  };
  struct Unlinked {
    model::ProcessKey process;
    base::BootTime time;
  };

  // call_table.cpp
  OpenCall& add(const model::FunctionCall& call, CallFamily family, model::Role role);
  void begin(OpenCall& open);
  void finish(OpenCall& open, std::string outcome, base::BootTime end);
  void give_up(OpenCall& open, model::IncompleteReason reason, base::BootTime time);
  void end_stale(OpenCall& open, base::BootTime time);
  void count_missed(const OpenCall& open, base::BootTime time);
  void end_silent(base::BootTime now);
  void end_of_dead(base::BootTime now);
  void end_later(OpenCall& open, std::string outcome, base::BootTime time);
  void remove(OpenCall& open);
  OpenCall* match(const model::FunctionCall& call, CallFamily family);

  // server_calls.cpp
  void begin_http1(const model::FunctionCall& call);
  void end_http1(const model::FunctionCall& call);
  void begin_http2(const model::FunctionCall& call);
  void end_http2(const model::FunctionCall& call);
  void panic_http2(const model::FunctionCall& call);
  void panic(const model::FunctionCall& call);
  void hijack(const model::FunctionCall& call);
  void keep_trace_parent(const model::FunctionCall& call);
  void begin_grpc(const model::FunctionCall& call);
  void end_grpc(const model::FunctionCall& call);
  void finish_grpc(OpenCall& open, std::uint32_t code, base::BootTime end);
  OpenCall* absorb_outer(const model::FunctionCall& call);
  void absorb(OpenCall& http);
  void take_peer(OpenCall& open, const model::FunctionCall& call);
  void withdraw_upgrade(const model::FunctionCall& call);
  void end_upgrades(base::BootTime before);

  // client_calls.cpp
  void begin_client(const model::FunctionCall& call);
  void link_client(const model::FunctionCall& call);
  void end_client(const model::FunctionCall& call);
  OpenCall* newest_client(const model::FunctionCall& call);
  void make_room_on_goroutine(const model::FunctionCall& call);
  void settle(OpenCall& open, std::string outcome, base::BootTime end);
  void settle_all(base::BootTime now);
  void end_settled(OpenCall&& call);
  [[nodiscard]] bool take_unlinked(const OpenCall& call);
  void see_on_socket(const Link& link);
  [[nodiscard]] static bool owns(const OpenCall& client);
  void withdraw(OpenCall& call);
  void begin_grpc_client(const model::FunctionCall& call);
  void retry_grpc_client(const model::FunctionCall& call);
  void end_grpc_client(const model::FunctionCall& call);
  void count_client(const model::ProcessKey& process);
  void uncount_client(const model::ProcessKey& process);

  model::ExchangeSink& sink_;
  ConnectionIndex connections_;
  OpenCalls open_;
  TraceParents trace_parents_;                            // of requests that have not begun
  std::unordered_map<std::uint64_t, OpenCall> settling_;  // by serial; ended, perhaps a socket's
  std::unordered_map<model::ConnectionId, Link> links_;
  std::deque<Unlinked> unlinked_;
  std::deque<model::Exchange> upgraded_;  // to HTTP/2: is stream 1 seen? by their end
  std::unordered_map<model::ProcessKey, std::uint32_t, model::ProcessKeyHash> clients_;
  std::unordered_map<model::ProcessKey, base::BootTime, model::ProcessKeyHash> exited_;
  EndWatch watch_;
  std::vector<BlindCalls> blind_;
  bool has_due_ = false;
  CallCounters counters_;
};

}  // namespace beyla::protocols::calls
