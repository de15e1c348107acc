// One HTTP/2 connection in clear text (RFC 9113), of a server or of a client. Requests with their
// answers leave as their streams end; calls of gRPC as such. Joins midway. The shard's thread only.
#pragma once

#include <cstdint>
#include <optional>

#include "protocols/http2/frame_walker.h"
#include "protocols/http2/hpack_decoder.h"
#include "protocols/http2/message_head.h"
#include "protocols/http2/streams.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::http2 {

// Ours: socket calls in a row that begin with no frame, then it is no HTTP/2. Of a large upload
// whose frames were lost not one may.
inline constexpr std::size_t kMaxMisses = 1024;

class Http2Parser final : public session::ProtocolParser {
 public:
  // REQUIRES: connection.role is known. The sinks must outlive the parser. retention: null where
  // nothing is recorded.
  Http2Parser(const model::ConnectionInfo& connection, model::ExchangeSink& sink,
              session::RetentionSink* retention = nullptr);
  // Its parts point at each other.
  Http2Parser(const Http2Parser&) = delete;
  Http2Parser& operator=(const Http2Parser&) = delete;

  void on_bytes(const session::Segment& segment) override;
  session::HoleKind on_hole(const session::Hole& hole) override;
  void on_send_closed(base::BootTime time) override;
  void on_closed(base::BootTime time) override;
  void on_unwatched(base::BootTime time) override;
  void on_no_memory(base::BootTime time) override;
  void set_memory_tight(bool tight) override;
  [[nodiscard]] bool wants_more() const override { return !opaque_; }
  [[nodiscard]] std::size_t memory_bytes() const override;
  [[nodiscard]] session::ResumePoint resume_point() const override;
  void resume(const session::ResumePoint& point, session::StreamPositions positions) override;

 private:
  // A direction: its frames, and the header fields that its blocks refer to.
  class Side final : public FrameListener {
   public:
    Side(Http2Parser& parser, const model::ConnectionInfo& connection, model::Direction direction,
         session::RetentionSink* retention);
    void on_block(const HeaderBlock& block, const FrameEnd& at) override;
    void on_data(std::uint32_t stream, std::optional<std::uint32_t> bytes, bool end_stream,
                 const FrameEnd& at) override;
    void on_reset(std::uint32_t stream, std::optional<std::uint32_t> code,
                  const FrameEnd& at) override;
    void on_goaway(std::optional<std::uint32_t> last_stream, const FrameEnd& at) override;
    void on_frames_lost() override;
    void on_invalid() override { parser_.count_invalid(); }
    void on_over_limit() override { parser_.give_up(model::IncompleteReason::limit); }

    FrameWalker frames;
    std::uint64_t end = 0;  // of what was walked
    [[nodiscard]] std::size_t memory_bytes() const;
    void set_memory_tight(bool tight);

   private:
    Http2Parser& parser_;
    bool asks_;
    std::size_t misses_ = 0;  // in a row
    HpackDecoder fields_{kWantedHeaders};
  };

  [[nodiscard]] Side& side_of(model::Direction direction) {
    return direction == request_direction_ ? requests_ : answers_;
  }
  void count_invalid();
  void give_up(model::IncompleteReason reason);

  model::Direction request_direction_;
  Streams streams_;
  Side requests_;
  Side answers_;
  std::size_t invalid_ = 0;  // in a row
  bool opaque_ = false;
  base::BootTime now_;
};

}  // namespace beyla::protocols::http2
