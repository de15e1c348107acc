// What capture hands on: one kernel record each. A view: its bytes are dead when the sink returns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.h"
#include "model/connection.h"
#include "model/function_call.h"
#include "model/process.h"

namespace beyla::model {

struct ConnectionOpened {
  base::BootTime time;
  ConnectionInfo connection;
  ProcessKey process = {};  // which opened it, or used it first
};

// Bytes that passed through the socket in one call, or a part of them: a long call of a connection
// with frames is told of in several, one behind the other. Of total_bytes, the first head.size()
// and the last tail.size() were copied; what lies between was not. Head and tail never overlap.
struct StreamData {
  base::BootTime time;  // after the copy: a receive has returned, a send is with the kernel
  ConnectionId connection = 0;
  ProcessKey process;  // who made the call
  Direction direction = Direction::received;
  std::uint64_t offset = 0;        // stream position of the first byte in this direction
  std::uint64_t other_offset = 0;  // position of the other direction at that moment, exact
  std::uint64_t goroutine = 0;     // of a Go process: its g, at the call; else anything
  std::uint32_t total_bytes = 0;
  std::span<const std::byte> head;
  std::span<const std::byte> tail;
  std::optional<base::BootTime> arrival;  // received only: when the bytes reached the socket
};

// The watched side will send no more (shutdown or close).
struct SendClosed {
  base::BootTime time;
  ConnectionId connection = 0;
};

struct ConnectionClosed {
  base::BootTime time;
  ConnectionId connection = 0;
};

// Called on the shard's thread, in ring order.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_opened(const ConnectionOpened& event) = 0;
  virtual void on_data(const StreamData& event) = 0;
  virtual void on_send_closed(const SendClosed& event) = 0;
  virtual void on_closed(const ConnectionClosed& event) = 0;
  virtual void on_call(const FunctionCall& /*call*/) {}  // most sinks know sockets only
};

}  // namespace beyla::model
