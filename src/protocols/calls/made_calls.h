// For tests: a Go process that calls, and what a CallTable makes of it. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "protocols/calls/call_table.h"

namespace beyla::protocols::calls {

class KeepingSink final : public model::ExchangeSink {
 public:
  model::RequestId on_begun(const model::RequestBegun& request) override {
    begun.push_back(request);
    return begun.size();
  }
  void on_exchange(model::Exchange&& exchange) override {
    end(exchange.request);
    exchanges.push_back(std::move(exchange));
  }
  void on_incomplete(const model::Incomplete& request) override {
    end(request.request);
    incomplete.push_back(request.reason);
  }
  void on_withdrawn(const model::Withdrawn& request) override {
    end(request.request);
    ++withdrawn;
  }
  void on_unpaired() override { ++unpaired; }
  void on_gap() override {}

  [[nodiscard]] std::size_t in_flight() const {
    return begun.size() - exchanges.size() - incomplete.size() - withdrawn;
  }
  [[nodiscard]] std::size_t count(model::IncompleteReason reason) const {
    return static_cast<std::size_t>(std::ranges::count(incomplete, reason));
  }
  // "http GET /a 200", by their end.
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> result;
    for (const auto& exchange : exchanges) {
      const auto& semantics = exchange.semantics;
      const bool rpc = semantics.family == model::MetricFamily::rpc;
      result.push_back((rpc ? "rpc " : "http ") + semantics.operation + ' ' + semantics.target +
                       ' ' + semantics.outcome);
    }
    return result;
  }

  std::vector<model::RequestBegun> begun;
  std::vector<model::Exchange> exchanges;
  std::vector<model::IncompleteReason> incomplete;
  std::size_t withdrawn = 0;
  std::size_t unpaired = 0;
  std::size_t ended_twice = 0;  // or ended without a begin

 private:
  void end(model::RequestId id) {
    ended_.resize(begun.size() + 1);
    if (id == 0 || id >= ended_.size() || ended_[id]) {
      ++ended_twice;
    } else {
      ended_[id] = true;
    }
  }
  std::vector<bool> ended_;
};

inline base::BootTime at_ms(std::int64_t ms) {
  return base::BootTime(std::chrono::milliseconds(ms));
}

inline constexpr model::ProcessKey kGoProcess{41, 1, 1000};

// A record with what nearly every one has. Goroutine ids are 1000 more than the addresses here.
inline model::FunctionCall made_call(model::CallKind kind, std::int64_t ms, std::uint64_t goroutine,
                                     std::uint64_t call = 0) {
  model::FunctionCall made;
  made.kind = kind;
  made.time = at_ms(ms);
  made.process = kGoProcess;
  made.origin.goroutine = goroutine;
  made.origin.goroutine_id = goroutine + 1000;
  made.call = call;
  return made;
}

inline model::ConnectionInfo made_connection(model::ConnectionId id, model::Role role,
                                             std::uint16_t local_port, std::uint16_t remote_port) {
  model::ConnectionInfo info;
  info.id = id;
  info.role = role;
  info.seen_from_start = true;
  for (model::Endpoint* end : {&info.local, &info.remote}) {
    end->address.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  }
  info.local.port = local_port;
  info.remote.port = remote_port;
  return info;
}

}  // namespace beyla::protocols::calls
