// A call of a function in a watched process, seen by a probe on it. What needs no parsing: the
// process has done that itself. A view: its texts are dead when the sink returns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "model/connection.h"
#include "model/process.h"

namespace beyla::model {

inline constexpr std::size_t kMaxAncestors = 10;

// Who asks or serves, inside a Go process. Addresses and ids are never followed, only compared.
struct CallOrigin {
  std::uint64_t goroutine = 0;            // address of its g: again another's when it has ended
  std::uint64_t goroutine_id = 0;         // never reused; 0: not known
  std::uint64_t parent_goroutine_id = 0;  // which started it; 0: not known
  std::uint64_t context = 0;              // of the request; 0: not known
  std::array<std::uint64_t, kMaxAncestors> ancestors{};  // of it, nearest first, ended by 0
};

enum class CallKind : std::uint8_t {  // as abi::go_call, which says what each carries
  http1_begin = 1,
  http1_end,
  http2_begin,
  http2_end,
  http2_panic,
  grpc_begin,
  grpc_end,
  client_begin,
  client_link,
  client_end,
  grpc_client_begin,
  grpc_client_retry,
  grpc_client_end,
  route,
  panic,
  hijack,
  trace_parent,
};

struct FunctionCall {
  CallKind kind = CallKind::route;
  base::BootTime time;
  ProcessKey process;
  CallOrigin origin;
  ConnectionId connection = 0;  // 0: not known
  std::uint64_t call = 0;       // what pairs begin and end
  std::uint64_t owner = 0;      // the connection's or transport's object; of routes and panics the
                                // begin of the handler over HTTP/1, in ns of BootTime; 0: not known
  bool tls = false;
  bool failed = false;       // an error instead of an answer; panic: http.ErrAbortHandler
  bool in_http = false;      // a gRPC call that net/http answers
  bool more_pieces = false;  // a longer route of the same request may follow
  std::uint32_t status = 0;  // 0: none was set; kinds of gRPC: code; begins: HTTP/2 stream
  std::optional<std::uint64_t> request_bytes;
  std::optional<std::uint64_t> response_bytes;
  std::optional<Endpoint> remote;
  std::string_view method;
  std::string_view
      name;  // servers: the client's "address:port"; clients: host or authority; trace_parent: it
  std::string_view target;  // request target, full method or route; may be cut
  bool target_cut = false;
};

}  // namespace beyla::model
