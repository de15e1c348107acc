// One direction of a connection: finds the frames in the bytes and hands on what they mean for
// streams. Payloads need not be there, only frame headers and header blocks: it goes by their
// length over what was not copied. Where it has lost the frames it waits for a socket call that
// begins with a chain of them. Any split of the bytes gives the same. Memory: kMaxBlockBytes. One
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/wipe.h"
#include "model/process.h"
#include "protocols/http2/frame.h"
#include "protocols/session/protocol_parser.h"
#include "protocols/session/retention.h"

namespace beyla::protocols::http2 {

// As nghttp2 since CVE-2024-28182: real blocks need none.
inline constexpr std::size_t kMaxContinuations = 8;
inline constexpr std::size_t kMaxBlockBytes = std::size_t{1} << 16U;  // ours, compressed

// The record with the last byte of what is told.
struct FrameEnd {
  base::BootTime time;
  model::ProcessKey process;
};

struct HeaderBlock {
  std::uint32_t stream = 0;
  std::span<const std::byte> bytes;  // dead when the listener returns
  bool broken = false;               // a part of it is not there
  bool end_stream = false;
  bool pushed = false;  // PUSH_PROMISE: of a request that nobody sends
  // Of the record with its first byte.
  base::BootTime begun;
  std::optional<base::BootTime> arrival;
};

class FrameListener {
 public:
  virtual ~FrameListener() = default;
  virtual void on_block(const HeaderBlock& block, const FrameEnd& at) = 0;
  // A DATA frame has passed; bytes without padding. nullopt: not known.
  virtual void on_data(std::uint32_t stream, std::optional<std::uint32_t> bytes, bool end_stream,
                       const FrameEnd& at) = 0;
  // nullopt: the code was not copied.
  virtual void on_reset(std::uint32_t stream, std::optional<std::uint32_t> code,
                        const FrameEnd& at) = 0;
  virtual void on_goaway(std::optional<std::uint32_t> last_stream, const FrameEnd& at) = 0;
  // Frames, also header blocks, may have passed unseen.
  virtual void on_frames_lost() = 0;
  // The peer breaks the protocol, or what we take for frames are none.
  virtual void on_invalid() = 0;
  virtual void on_over_limit() = 0;
};

class FrameWalker {
 public:
  // The listener must outlive this. retention may be null. Of a connection that was not seen from
  // its start the frames are to be found.
  FrameWalker(FrameListener& listener, const model::ConnectionInfo& connection,
              model::Direction direction, session::RetentionSink* retention);

  void on_bytes(const session::Segment& segment);
  session::HoleKind on_hole(const session::Hole& hole);

  // Between frames, or inside one of which nothing but its end is of interest: how many bytes until
  // then. nullopt: neither.
  [[nodiscard]] std::optional<std::uint64_t> bytes_to_boundary() const;
  // The next frame begins so many bytes further; REQUIRES: nothing was walked yet.
  void resume_before_boundary(std::uint64_t bytes);
  // Bytes passed in which we found no frames, and none were found since.
  [[nodiscard]] bool misses() const { return misses_; }
  [[nodiscard]] std::size_t memory_bytes() const { return payload_->size() + block_->size(); }

 private:
  enum class State : std::uint8_t { preface, header, payload, lost };

  void check_begin(std::uint64_t offset);
  [[nodiscard]] bool finds_frames(const session::Segment& segment);
  [[nodiscard]] std::size_t take(const session::Segment& segment, std::span<const std::byte> bytes);
  [[nodiscard]] std::size_t take_preface(std::span<const std::byte> bytes);
  [[nodiscard]] std::size_t take_header(const session::Segment& segment,
                                        std::span<const std::byte> bytes);
  [[nodiscard]] std::size_t take_payload(const session::Segment& segment,
                                         std::span<const std::byte> bytes);
  void begin_frame(const session::Segment& segment);
  [[nodiscard]] bool may_follow() const;
  void skip(std::uint64_t length, const FrameEnd& at);
  [[nodiscard]] bool lacks_only_padding() const;
  void end_before_padding(const FrameEnd& at);
  void end_frame(std::span<const std::byte> payload, const FrameEnd& at);
  void end_data(std::span<const std::byte> payload, const FrameEnd& at);
  void end_fragment(std::span<const std::byte> payload, const FrameEnd& at);
  void hand_on(std::span<const std::byte> block, const FrameEnd& at);
  void retain(std::uint64_t offset, std::uint64_t length) const;
  void reject();
  void give_up();
  void lose();
  void miss();
  void clear_block();

  FrameListener& listener_;
  session::RetentionSink* retention_;
  model::ConnectionId connection_;
  model::Direction direction_;
  bool from_client_;
  State state_;
  bool begun_once_ = false;
  bool misses_ = false;
  bool broken_ = false;  // the frame: wanted bytes of its payload are not there
  std::uint8_t header_size_ = 0;
  std::array<std::byte, kFrameHeaderBytes> header_{};
  std::size_t preface_seen_ = 0;
  base::BootTime begun_;  // of the header that is being read
  std::optional<base::BootTime> arrival_;
  FrameHeader frame_;
  std::uint32_t wanted_ = 0;  // of its payload, from the beginning
  std::uint32_t left_ = 0;    // of its payload
  // Never empty: optional only to give memory back.
  std::optional<base::PrivateBytes> payload_{std::in_place};  // wanted bytes that came in pieces
  std::optional<base::PrivateBytes> block_{std::in_place};    // fragments of frames before
  HeaderBlock open_;                                          // stream 0: none
  std::size_t continuations_ = 0;
};

}  // namespace beyla::protocols::http2
