// The requests of a connection that wait for the end of their answer, by stream (RFC 9113 §5). What
// happens on the streams comes in, exchanges and incompletes go out, in the order in which they
// end. Memory: kMaxStreamBytes. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/exchange.h"
#include "protocols/http2/frame_walker.h"
#include "protocols/http2/message_head.h"

namespace beyla::protocols::http2 {

// Ours. Servers announce 100 to 250 (nginx 128, Go 250), those of gRPC no limit at all, and
// thousands of watches on one connection occur there.
inline constexpr std::size_t kMaxStreams = 1024;
inline constexpr std::size_t kMaxStreamBytes = std::size_t{1} << 20U;  // ours, of a connection
// Ours: where memory is tight, of a connection. Some 170 streams, more than servers announce.
inline constexpr std::size_t kTightStreamBytes = std::size_t{48} << 10U;

class Streams {
 public:
  // The sink must outlive this.
  Streams(const model::ConnectionInfo& connection, model::ExchangeSink& sink);

  // answers_missed: some may have passed unseen since the request was sent.
  void on_request_head(const HeaderBlock& block, MessageHead&& head, const FrameEnd& at,
                       bool answers_missed);
  void on_request_data(std::uint32_t id, std::optional<std::uint32_t> bytes, bool end_stream);
  void on_answer_head(const HeaderBlock& block, MessageHead&& head, const FrameEnd& at);
  void on_answer_data(std::uint32_t id, bool end_stream, const FrameEnd& at);
  void on_reset(std::uint32_t id, bool by_client, std::optional<std::uint32_t> code,
                base::BootTime time);
  // Of the server: streams above the last one will never be answered (RFC 9113 §6.8).
  void on_goaway(std::uint32_t last_stream, base::BootTime time);
  // Anything may have happened on the streams that are open.
  void on_requests_lost();
  void on_answers_lost();

  // No answer will come any more.
  void end_all(base::BootTime time);
  // We will not see them.
  void drop_all(model::IncompleteReason reason, base::BootTime time);

  // New ones that need more memory than kTightStreamBytes end as limit.
  void set_memory_tight(bool tight) { max_bytes_ = tight ? kTightStreamBytes : kMaxStreamBytes; }

  // Others do.
  void withdraw_all();
  [[nodiscard]] bool told_by_others() const { return told_by_others_; }

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const {
    return pool_.capacity() * (sizeof(Stream) + sizeof(Place)) + text_bytes_;
  }

 private:
  struct Stream {
    model::RequestId request = 0;
    model::ProcessKey process;
    std::optional<base::BootTime> arrival;
    base::BootTime received;
    MessageHead head;
    std::uint64_t body_bytes = 0;
    bool body_known = true;
    bool request_ended = false;
    bool gap = false;  // its end may have passed unseen
    // Of the answer.
    bool answered = false;  // a final head was seen, or must have been there
    bool answer_unknown = false;
    std::optional<std::uint16_t> status;
    std::optional<std::uint32_t> grpc_status;
    ContentKind answer_content = ContentKind::not_said;
    base::BootTime answered_until;
  };
  struct Place {
    std::uint32_t id = 0;
    std::uint32_t index = 0;  // into pool_
  };
  using PlaceIterator = std::vector<Place>::iterator;
  enum class Kind : std::uint8_t { http, grpc, unknown };

  // The table.
  [[nodiscard]] PlaceIterator place_of(std::uint32_t id);  // end() if it is not open
  [[nodiscard]] Stream* find(std::uint32_t id);
  void add(std::uint32_t id, Stream&& stream);
  [[nodiscard]] Stream take(PlaceIterator place);
  [[nodiscard]] std::vector<Stream> take_from(PlaceIterator first);
  void release_memory();
  [[nodiscard]] bool make_room(std::size_t bytes, base::BootTime time);

  [[nodiscard]] bool is_request(const HeaderBlock& block, const MessageHead& head) const;
  [[nodiscard]] Stream begin(const HeaderBlock& block, MessageHead&& head, const FrameEnd& at);

  // How streams end that have left the table.
  void finish(const Stream& stream, base::BootTime end, bool by_head);
  void finish_grpc(const Stream& stream, base::BootTime end, bool by_head);
  void reset_grpc(const Stream& stream, std::optional<std::uint32_t> code, base::BootTime time);
  void end_unanswered(const Stream& stream, base::BootTime time);
  void emit(const Stream& stream, Kind kind, std::uint32_t outcome, base::BootTime end);
  void give_up(const Stream& stream, model::IncompleteReason reason, base::BootTime time);
  [[nodiscard]] static bool is_late(const Stream& stream, base::BootTime time);
  [[nodiscard]] static Kind kind_of(const Stream& stream, bool by_head);
  [[nodiscard]] static std::size_t text_bytes_of(const MessageHead& head);
  [[nodiscard]] model::Exchange exchange_of(const Stream& stream, Kind kind) const;

  model::ConnectionInfo connection_;
  model::ExchangeSink& sink_;
  std::vector<Place> places_;  // of what is open, by id, rising
  std::vector<Stream> pool_;
  std::vector<std::uint32_t> free_;  // indices into pool_
  std::size_t text_bytes_ = 0;
  std::size_t max_bytes_ = kMaxStreamBytes;
  std::uint32_t newest_ = 0;  // id of a request that was seen
  bool told_by_others_ = false;
  bool knows_requests_;  // all above newest_ are still to be seen
};

}  // namespace beyla::protocols::http2
