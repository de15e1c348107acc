// One request with its answer. The protocol is forgotten; its meaning stays in Semantics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "model/connection.h"
#include "model/function_call.h"
#include "model/process.h"
#include "model/trace.h"

namespace beyla::model {

enum class MetricFamily : std::uint8_t { http, rpc };  // with the role it names the metrics

struct Semantics {
  MetricFamily family = MetricFamily::http;
  // HTTP: method, or "_OTHER" for one that no RFC registers. RPC: full method, "/pkg.Service/Name",
  // or "_OTHER" for one that the server does not know.
  std::string operation;
  // HTTP: path without query, raw bytes as sent. RPC: the full method where it is "_OTHER".
  std::string target;
  std::string outcome;     // HTTP: status code as text, empty: no answer came. RPC: code as text
  std::string route = {};  // HTTP servers: as the framework spells it; empty: not known
};

struct Exchange {
  RequestId request = 0;  // as the sink named it in on_begun()
  ConnectionId connection = 0;
  ProcessKey process;
  Role role = Role::unknown;
  Endpoint local;  // port 0: not known; remote, too
  Endpoint remote;
  std::string server_name;  // clients: whom they asked, "host" or "host:port"; empty: not known
  // Server only: the request's first byte reached the socket.
  std::optional<base::BootTime> arrival;
  // Server: the receive that completed the request's head returned. Client: the first bytes of the
  // request were handed to the kernel.
  base::BootTime received;
  // Server: the last byte of the answer was handed to the kernel. Client: it was received.
  base::BootTime end;
  std::optional<std::uint64_t> request_body_bytes;  // nullopt: not known exactly
  // HTTP/1 that went on as HTTP/2: the real answer is that of stream 1 (RFC 7540 §3.2).
  bool to_http2 = false;
  Semantics semantics;
  TraceContext trace;
};

enum class IncompleteReason : std::uint8_t {
  no_answer,  // the connection ended first
  gap,        // events were lost between request and answer
  limit,      // a named limit was reached
  restart,    // what we knew of it was lost with a process of ours
  kCount
};

// A request that was seen and ends without its answer.
struct Incomplete {
  ProcessKey process;
  Role role = Role::unknown;
  IncompleteReason reason = IncompleteReason::no_answer;
  base::BootTime time;  // when that was clear
  RequestId request = 0;
  // What it would have been with an answer, dead when the sink returns; null: nobody knows.
  const Exchange* unanswered = nullptr;
};

struct RequestBegun {
  ProcessKey process{};
  Role role = Role::unknown;
  ConnectionId connection = 0;  // 0: not known
  base::BootTime time{};
  std::optional<TraceParent> incoming = std::nullopt;  // what the request carries
  std::optional<CallOrigin> origin =
      std::nullopt;  // who asks, or serves it; seen by a probe in the process
};

// What was said to have begun is part of another request: it ends as neither.
struct Withdrawn {
  ProcessKey process;
  Role role = Role::unknown;
  RequestId request = 0;
};

// Called on the shard's thread. Of what is unpaired or lost nobody says whose it was: that of a
// process which is not decided yet, and perhaps never selected, counts too.
class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  // A request that was seen: it ends as one exchange, one incomplete or withdrawn, never as two of
  // them. Out: how the sink calls it; comes back when it ends.
  virtual RequestId on_begun(const RequestBegun& begun) = 0;
  virtual void on_exchange(Exchange&& exchange) = 0;
  virtual void on_incomplete(const Incomplete& incomplete) = 0;
  virtual void on_withdrawn(const Withdrawn& /*request*/) {}  // for sinks that keep no books
  virtual void on_unpaired() = 0;                             // an answer without request
  virtual void on_gap() = 0;  // bytes of a stream were lost, not merely left uncopied
};

}  // namespace beyla::model
