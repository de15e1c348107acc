// The direction of the requests: finds them (RFC 9112 §3, §6) and hands them to a listener.
// After bytes it cannot follow it waits for a socket call that begins with a request. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/http1/chunk_walker.h"
#include "protocols/http1/head_buffer.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/http1/last_chunk_watch.h"
#include "protocols/http1/pairing.h"
#include "protocols/http1/retained_bytes.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::http1 {

class RequestListener {
 public:
  virtual ~RequestListener() = default;
  virtual void on_request(Request&& request) = 0;
  virtual void on_request_body(std::uint64_t sequence, std::uint64_t bytes) = 0;
  virtual void on_request_gap() = 0;   // requests may have been missed
  virtual void on_framing_lost() = 0;  // the end of the newest request cannot be found
  // The bytes are no request. guessed: perhaps they were not meant to be one.
  virtual void on_invalid_request(std::uint64_t answer_position, bool guessed) = 0;
  // Behind a CONNECT: of the tunnel, or requests of a client that does not wait.
  virtual void on_bytes_behind_connect() = 0;
  // Could a request begin where the answers were at answer_position? doubtful: perhaps it is
  // content of the newest.
  [[nodiscard]] virtual bool may_begin(std::uint64_t answer_position, bool doubtful) const = 0;
};

class RequestStream {
 public:
  // What was followed when the end of the newest request was lost.
  enum class Doubt : std::uint8_t { none, head, chunks };

  // The listener must outlive this. retention: null where nothing is recorded.
  RequestStream(RequestListener& listener, const model::ConnectionInfo& connection,
                session::RetentionSink* retention);

  void on_bytes(const session::Segment& segment);
  session::HoleKind on_hole(const session::Hole& hole);
  [[nodiscard]] bool in_sync() const { return state_ != State::lost && !resyncing_; }
  // The end of the newest request is not known, and nothing was found since.
  [[nodiscard]] bool in_doubt() const { return doubt_ != Doubt::none; }
  // All requests so far are complete, and nothing of the next is there.
  [[nodiscard]] bool between_messages() const {
    return state_ == State::head && !resyncing_ && buffer_.empty();
  }
  // The newest request, if the end of its content has not come yet.
  [[nodiscard]] std::optional<std::uint64_t> unfinished() const;

  // For a successor.
  [[nodiscard]] Doubt doubt() const { return doubt_; }
  // How much of the newest request's body is to come, where that is known and not nothing.
  [[nodiscard]] std::optional<std::uint64_t> body_left() const;
  [[nodiscard]] bool inside_head() const { return state_ == State::head && !buffer_.empty(); }
  // From a predecessor, instead of a request's beginning.
  void resume_in_body(std::uint64_t length);
  void resume_lost(Doubt doubt) { lose_end(doubt); }

 private:
  enum class State : std::uint8_t { head, body, chunks, lost };
  [[nodiscard]] bool begins_again(const session::Segment& segment);
  [[nodiscard]] bool yields(const session::Segment& segment);
  void watch_for_last_chunk(const session::Segment& segment);
  std::span<const std::byte> skip_empty_lines(std::span<const std::byte> bytes);
  std::size_t take(const session::Segment& segment, std::span<const std::byte> bytes);
  std::size_t take_head(const session::Segment& segment, std::span<const std::byte> bytes);
  std::size_t take_body(std::uint64_t length);
  std::size_t take_chunks(std::span<const std::byte> bytes, std::uint64_t offset);
  void take_truncated(std::span<const std::byte> head, const session::Segment& at);
  void deliver(const RequestHead& head, std::optional<std::uint64_t> body_bytes,
               const session::Segment& at);
  void follow(const RequestHead& head);
  void reject(const session::Segment& segment);
  void lose();
  void lose_end(Doubt doubt);
  void next_head();

  RequestListener& listener_;
  model::Role role_;
  State state_ = State::head;
  Doubt doubt_ = Doubt::none;
  bool resyncing_ = false;       // the head being read was found by guess after a loss
  bool behind_connect_ = false;  // and nothing was found since
  bool body_in_doubt_ = false;   // RFC 9110 §10.1.1: the client waits whether it is wanted
  HeadBuffer buffer_;
  ChunkWalker chunks_;
  LastChunkWatch last_chunk_;  // in doubt
  RetainedBytes retained_;
  std::uint64_t remaining_ = 0;  // body
  std::uint64_t body_bytes_ = 0;
  std::uint64_t sequence_ = 0;
  std::size_t blank_bytes_ = 0;
  base::BootTime begun_;                   // the head being read
  std::optional<base::BootTime> arrival_;  // likewise
};

}  // namespace beyla::protocols::http1
