// One HTTP/1 connection (RFC 9112), of a server or of a client: which of the two only decides which
// direction carries the requests. Exchanges leave in the order of the answers. The shard's thread
// only.
#pragma once

#include <optional>

#include "protocols/http1/pairing.h"
#include "protocols/http1/request_stream.h"
#include "protocols/http1/response_stream.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::http1 {

class Http1Parser final : public session::ProtocolParser, private RequestListener {
 public:
  // REQUIRES: connection.role is known. The sinks must outlive the parser. retention: null where
  // nothing is recorded.
  Http1Parser(const model::ConnectionInfo& connection, model::ExchangeSink& sink,
              session::RetentionSink* retention = nullptr);
  // Its parts point at each other.
  Http1Parser(const Http1Parser&) = delete;
  Http1Parser& operator=(const Http1Parser&) = delete;

  void on_bytes(const session::Segment& segment) override;
  session::HoleKind on_hole(const session::Hole& hole) override;
  void on_send_closed(base::BootTime time) override;
  void on_closed(base::BootTime time) override;
  [[nodiscard]] bool wants_more() const override { return !opaque_; }
  [[nodiscard]] session::ResumePoint resume_point() const override;
  void resume(const session::ResumePoint& point, session::StreamPositions positions) override;

 private:
  void on_request(Request&& request) override;
  void on_request_body(std::uint64_t sequence, std::uint64_t bytes) override;
  void on_request_gap() override;
  void on_framing_lost() override;
  void on_invalid_request(std::uint64_t answer_position, bool guessed) override;
  void on_bytes_behind_connect() override;
  [[nodiscard]] bool may_begin(std::uint64_t answer_position, bool doubtful) const override;

  void set_body_bytes(std::uint64_t sequence, std::optional<std::uint64_t> bytes);
  bool end_behind_newest();
  void count_invalid(std::size_t heads);
  void check_end();
  [[nodiscard]] bool proves_front(std::uint64_t request_position);
  void note_answer(std::uint64_t request_position, std::uint64_t end);
  void note_lost_requests(std::uint64_t end);
  [[nodiscard]] bool shows_pipelining(const session::Segment& answer) const;
  void give_up(model::IncompleteReason reason);
  [[nodiscard]] std::optional<std::uint64_t> owes_until() const;
  [[nodiscard]] bool awaits_one() const;
  [[nodiscard]] std::size_t waiting() const;
  [[nodiscard]] bool is_tangled() const;

  model::Direction request_direction_;
  Pairing pairing_;
  RequestStream requests_;
  ResponseStream responses_;
  std::uint64_t requests_end_ = 0;
  std::uint64_t answers_end_ = 0;     // of what we have seen
  std::uint64_t answered_until_ = 0;  // where the requests were when that was written or read
  // Set after lost requests: a request that came when the answers were no further than this was
  // pipelined behind the lost ones.
  std::optional<std::uint64_t> explained_until_;
  std::size_t invalid_heads_ = 0;  // in a row
  bool missed_requests_;           // ever; with pipelining no pair is certain then
  bool opaque_ = false;
  model::IncompleteReason end_reason_ = model::IncompleteReason::no_answer;  // why it is opaque
};

}  // namespace beyla::protocols::http1
