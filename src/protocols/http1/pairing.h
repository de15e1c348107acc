// Requests that wait for their answer, in the order of RFC 9112 §9.3.2, and the way out for both:
// every request ends as one exchange or one incomplete, never as both. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "model/exchange.h"

namespace beyla::protocols::http1 {

inline constexpr std::size_t kMaxPending = 1024;  // ours; browsers pipeline none, wrk up to 100s

struct Request {
  std::string_view operation;  // static text
  std::string path;
  std::optional<base::BootTime> arrival;
  base::BootTime received;
  std::optional<std::uint64_t> body_bytes;
  model::ProcessKey process;
  std::uint64_t answer_position = 0;  // of the answers' stream when the head was complete
  std::uint64_t sequence = 0;
  model::RequestId id = 0;  // as the sink calls it
  std::optional<model::TraceParent> trace_parent;
  bool position_sure = true;  // false: the answer may have begun before answer_position
  bool last = false;          // the connection is given up behind its answer
  bool counts = true;         // false: a predecessor counted it, nothing comes out
  bool grpc_web = false;      // a call
  bool to_http2 = false;      // its answer is an upgrade to that
  bool doubted = false;       // perhaps content of one before it: its answer must prove it
};

class Pairing {
 public:
  // The sink must outlive this.
  Pairing(const model::ConnectionInfo& connection, model::ExchangeSink& sink);

  [[nodiscard]] bool empty() const { return first_ == waiting_.size(); }
  [[nodiscard]] std::size_t size() const { return waiting_.size() - first_; }
  // REQUIRES: !empty().
  [[nodiscard]] const Request& front() const { return waiting_[first_]; }
  [[nodiscard]] const Request& back() const { return waiting_.back(); }
  [[nodiscard]] Request pop();
  void push(Request&& request);
  // More, or less, is known of a request's body than its head said; false: it waits no longer.
  bool set_body_bytes(std::uint64_t sequence, std::optional<std::uint64_t> bytes);
  // REQUIRES: !empty().
  void set_last() { waiting_.back().last = true; }
  // It is a request. REQUIRES: !empty().
  void confirm_front() { waiting_[first_].doubted = false; }
  // An interim answer to the front ended at position. REQUIRES: !empty().
  void on_interim(std::uint64_t position) { waiting_[first_].answer_position = position; }

  // Ever two requests with no answer between them: positions say nothing about pairs then.
  [[nodiscard]] bool pipelined() const { return pipelined_; }
  void set_pipelined() { pipelined_ = true; }
  // An answer ended at position.
  void on_answered(std::uint64_t position);

  // What is dropped from now on was dropped then.
  void set_time(base::BootTime now) { now_ = now; }
  void drop_all(model::IncompleteReason reason);
  // Drops what was asked before the answers reached position, except the newest request.
  void drop_older(std::uint64_t position);
  void drop_front(model::IncompleteReason reason);

  void count_begun(Request& request) {
    request.id = sink_.on_begun({.process = request.process,
                                 .role = connection_.role,
                                 .connection = connection_.id,
                                 .time = request.received,
                                 .incoming = request.trace_parent,
                                 .origin = std::nullopt});
  }
  // grpc_status: of a call of gRPC-Web, as which it then leaves.
  void emit(Request&& request, std::uint16_t status_code, std::optional<std::uint32_t> grpc_status,
            base::BootTime end);
  void count_incomplete(const Request& request, model::IncompleteReason reason);
  void count_unpaired() { sink_.on_unpaired(); }

 private:
  [[nodiscard]] model::Exchange exchange_of(Request&& request) const;

  model::ConnectionInfo connection_;
  model::ExchangeSink& sink_;
  std::vector<Request> waiting_;  // from first_ on
  std::size_t first_ = 0;
  base::BootTime now_;
  bool pipelined_ = false;
};

}  // namespace beyla::protocols::http1
