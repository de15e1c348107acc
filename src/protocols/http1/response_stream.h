// The direction of the answers: finds them (RFC 9112 §4, §6.3) and joins each with its request.
// Where a pair cannot be proved, the request is dropped as a gap: never a wrong pair. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/http1/chunk_walker.h"
#include "protocols/http1/head_buffer.h"
#include "protocols/http1/head_scanner.h"
#include "protocols/http1/pairing.h"
#include "protocols/http1/retained_bytes.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::http1 {

class ResponseStream {
 public:
  // Not seen from its start: the first answers may have no request. The pairing must outlive this.
  // retention: null where nothing is recorded.
  ResponseStream(Pairing& pairing, const model::ConnectionInfo& connection,
                 session::RetentionSink* retention);

  // unseen_requests: there may be requests that we know nothing of.
  void on_bytes(const session::Segment& segment, bool unseen_requests);
  session::HoleKind on_hole(const session::Hole& hole);
  // A request came when the answers were at position: an answer whose end is unknown ends there at
  // the latest. Called before the request waits; false: it cannot be paired.
  [[nodiscard]] bool on_request(std::uint64_t position);
  // Bytes of requests were lost, those that waited are about to be dropped. Returns how far the
  // answers are explained by the requests we knew.
  [[nodiscard]] std::uint64_t on_request_gap();
  void set_body_bytes(std::uint64_t sequence, std::optional<std::uint64_t> bytes);
  // Behind the answer in progress nothing is believed; false: there is none.
  bool end_behind_answer();
  // An answer was not complete yet when all was at position.
  [[nodiscard]] bool goes_on(std::uint64_t position) const;
  // Of answers whose requests were not found: counts those that begin with a socket call.
  void note_skipped(const session::Segment& segment);
  // A request that we know has surely not got all of its answer by now.
  [[nodiscard]] bool owes_answer() const {
    if (state_ == State::head) return !pairing_.empty();
    return answer_ && (state_ == State::body || state_ == State::chunks);
  }
  // For a successor: a request that comes while the answers are no further than this was not the
  // next behind an answer that has begun. Nothing: none has, or it may have ended by now.
  [[nodiscard]] std::optional<std::uint64_t> busy_until() const;
  [[nodiscard]] bool between_messages() const { return state_ == State::head && buffer_.empty(); }
  // Answers to the requests that wait may have passed unseen.
  [[nodiscard]] bool after_hole() const { return state_ == State::after_hole; }
  [[nodiscard]] bool inside_head() const { return state_ == State::head && !buffer_.empty(); }
  // The answer that has begun is the last.
  [[nodiscard]] bool ends_behind_answer() const { return answer_ && answer_->request.last; }
  // From a predecessor, between two messages.
  void resume_at(std::uint64_t position);
  // No more bytes will come: emits the answer in progress.
  void finish();

  // Of HTTP on this connection, or of what we can be sure of.
  [[nodiscard]] bool ended() const { return ended_; }
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
    std::optional<std::uint32_t> grpc_status;  // of its head
  };

  std::size_t take(const session::Segment& segment, std::span<const std::byte> bytes);
  std::size_t take_head(const session::Segment& segment, std::span<const std::byte> bytes);
  bool begin_head();
  void judge_after_hole(const session::Segment& segment, bool unseen_requests);
  void begin_answer(const ResponseHead& head, base::BootTime time);
  [[nodiscard]] State framing_of(const ResponseHead& head, std::string_view operation);
  void begin_truncated(std::span<const std::byte> head, bool lost);
  void lose_framing(bool lost);
  void after_lost_answers();
  std::size_t take_chunks(std::span<const std::byte> bytes);
  [[nodiscard]] bool is_call() const { return answer_ && answer_->request.grpc_web; }
  [[nodiscard]] std::optional<std::uint32_t> grpc_status() const;
  void complete(base::BootTime end);
  void emit(base::BootTime end);
  void reject();
  void skip_to_next_request();

  Pairing& pairing_;
  State state_;
  bool ended_ = false;
  std::optional<Answer> answer_;
  HeadBuffer buffer_;
  ChunkWalker chunks_;
  http2::GrpcWebBody web_;  // of a call of gRPC-Web
  RetainedBytes retained_;
  bool position_known_;
  std::uint64_t position_ = 0;   // all before it was taken
  std::uint64_t start_ = 0;      // of the answer or of the bytes that are skipped
  std::uint64_t remaining_ = 0;  // body
  base::BootTime last_time_;     // of a record with bytes of answers
  std::size_t invalid_heads_ = 0;
};

}  // namespace beyla::protocols::http1
