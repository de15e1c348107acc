// The sent direction: finds the answers (RFC 9112 §4, §6.3) and joins each with its request. Where
// a pair cannot be proved, the request is dropped as a gap: never a wrong pair. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/http1/chunk_walker.h"
#include "protocols/http1/head_buffer.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/http1/pairing.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::http1 {

class ResponseStream {
 public:
  // joined: the stream was not seen from its start, so the first answers may have no request.
  // The pairing must outlive this.
  ResponseStream(Pairing& pairing, bool joined);

  // unseen_requests: requests may have been received that we know nothing of.
  void on_bytes(const session::Segment& segment, bool unseen_requests);
  void on_hole(const session::Hole& hole);
  // A request was received when the sent stream was at position: an answer whose end is unknown
  // ends there at the latest. Called before the request waits; false: it cannot be paired.
  [[nodiscard]] bool on_request(std::uint64_t position);
  // Received bytes were lost, the requests that waited are about to be dropped. Returns how far
  // the sent stream is explained by the requests we knew.
  [[nodiscard]] std::uint64_t on_request_gap();
  void set_body_bytes(std::uint64_t sequence, std::uint64_t bytes);
  // No more bytes will come: emits the answer in progress.
  void finish();

  [[nodiscard]] bool tunnel() const { return tunnel_; }
  // Heads that were no heads since the last call.
  [[nodiscard]] std::size_t take_invalid_heads();

 private:
  enum class State : std::uint8_t {
    head,
    body,  // remaining_ bytes, of an answer or of nothing
    chunks,
    until_close,
    unknown,     // an answer in progress whose end is not known
    skip,        // until the next request
    after_hole,  // until it is clear what the bytes after a hole are
  };
  struct Answer {
    Request request;
    std::uint16_t status_code = 0;
  };

  std::size_t take(const session::Segment& segment, std::span<const std::byte> bytes);
  std::size_t take_head(const session::Segment& segment, std::span<const std::byte> bytes);
  bool begin_head();
  void judge_after_hole(const session::Segment& segment, bool unseen_requests);
  void begin_answer(const ResponseHead& head, base::BootTime time);
  [[nodiscard]] State framing_of(const ResponseHead& head, std::string_view operation);
  void begin_truncated(std::span<const std::byte> head, bool lost);
  void lose_framing(bool lost);
  void after_lost_sent();
  void complete(base::BootTime end);
  void emit(base::BootTime end);
  void reject();
  void skip_to_next_request();

  Pairing& pairing_;
  State state_;
  bool tunnel_ = false;
  std::optional<Answer> answer_;
  HeadBuffer buffer_;
  ChunkWalker chunks_;
  bool position_known_;
  std::uint64_t position_ = 0;   // all before it was taken
  std::uint64_t start_ = 0;      // of the answer or of the bytes that are skipped
  std::uint64_t remaining_ = 0;  // body
  base::BootTime last_send_;
  std::size_t invalid_heads_ = 0;
};

}  // namespace beyla::protocols::http1
