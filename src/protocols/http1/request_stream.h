// The received direction: finds the requests (RFC 9112 §3, §6) and hands them to a listener.
// After bytes it cannot follow it waits for a socket call that begins with a request. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/http1/chunk_walker.h"
#include "protocols/http1/head_buffer.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/http1/pairing.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::http1 {

class RequestListener {
 public:
  virtual ~RequestListener() = default;
  virtual void on_request(Request&& request) = 0;
  virtual void on_request_body(std::uint64_t sequence, std::uint64_t bytes) = 0;
  virtual void on_request_gap() = 0;      // requests may have been missed
  virtual void on_framing_lost() = 0;     // the end of the newest request cannot be found
  virtual void on_invalid_request() = 0;  // the bytes are no request
  // After a loss: could a request begin where the sent stream was at send_position?
  [[nodiscard]] virtual bool may_begin(std::uint64_t send_position) const = 0;
};

class RequestStream {
 public:
  // The listener must outlive this.
  explicit RequestStream(RequestListener& listener) : listener_(listener) {}

  void on_bytes(const session::Segment& segment);
  void on_hole(const session::Hole& hole);
  [[nodiscard]] bool in_sync() const { return state_ != State::lost && !resyncing_; }

 private:
  enum class State : std::uint8_t { head, body, chunks, lost };

  [[nodiscard]] bool begins_again(const session::Segment& segment);
  std::span<const std::byte> skip_empty_lines(std::span<const std::byte> bytes);
  std::size_t take_head(const session::Segment& segment, std::span<const std::byte> bytes);
  std::size_t take_chunks(std::span<const std::byte> bytes);
  void take_truncated(std::span<const std::byte> head, const session::Segment& at);
  void deliver(const RequestHead& head, std::optional<std::uint64_t> body_bytes,
               const session::Segment& at);
  void follow(const RequestHead& head);
  void reject();
  void lose();
  void next_head();

  RequestListener& listener_;
  State state_ = State::head;
  bool resyncing_ = false;  // the head being read was found by guess after a loss
  HeadBuffer buffer_;
  ChunkWalker chunks_;
  std::uint64_t remaining_ = 0;  // body
  std::uint64_t sequence_ = 0;
  std::size_t blank_bytes_ = 0;
  std::optional<base::BootTime> arrival_;  // of the head being read
};

}  // namespace beyla::protocols::http1
