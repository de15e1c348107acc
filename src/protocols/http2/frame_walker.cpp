#include "protocols/http2/frame_walker.h"

#include <algorithm>

#include "base/byte_reader.h"

namespace beyla::protocols::http2 {
namespace {

constexpr std::uint32_t kResetBytes = 4;     // RFC 9113 §6.4
constexpr std::uint32_t kGoawayBytes = 8;    // RFC 9113 §6.8, without debug data
constexpr std::uint32_t kPromisedBytes = 4;  // RFC 9113 §6.6
constexpr std::uint32_t kPriorityBytes = 5;  // RFC 9113 §6.2
constexpr std::size_t kKeptBytes = 4096;     // ours: larger buffers are given back
constexpr std::uint32_t kStreamMask = 0x7fffffff;

bool carries_block(FrameType type) {
  return type == FrameType::headers || type == FrameType::push_promise ||
         type == FrameType::continuation;
}

// How much of a payload means something to us.
std::uint32_t wanted_of(const FrameHeader& frame) {
  if (carries_block(frame.type)) return frame.length;
  switch (frame.type) {
    case FrameType::data: return frame.has(kPadded) ? std::min<std::uint32_t>(frame.length, 1) : 0;
    case FrameType::rst_stream: return kResetBytes;
    case FrameType::goaway: return kGoawayBytes;
    default: return 0;
  }
}

// Of the wanted bytes, how many may be kept: of a header block none but the length of its padding.
std::uint32_t public_bytes_of(const FrameHeader& frame, std::uint32_t wanted) {
  if (!carries_block(frame.type)) return wanted;
  return frame.type != FrameType::continuation && frame.has(kPadded) ? 1 : 0;
}

// The field block fragment without padding and what stands before it; nullopt: longer than the
// frame.
std::optional<std::span<const std::byte>> fragment_of(const FrameHeader& frame,
                                                      std::span<const std::byte> payload) {
  const bool continues = frame.type == FrameType::continuation;
  std::size_t behind = 0;
  if (!continues && frame.has(kPadded)) {
    if (payload.empty()) return std::nullopt;
    behind = std::to_integer<std::size_t>(payload[0]);
    payload = payload.subspan(1);
  }
  std::size_t before = 0;
  if (frame.type == FrameType::push_promise) before = kPromisedBytes;
  if (frame.type == FrameType::headers && frame.has(kPriority)) before = kPriorityBytes;
  if (before + behind > payload.size()) return std::nullopt;
  return payload.subspan(before, payload.size() - before - behind);
}

void drop(std::optional<base::PrivateBytes>& bytes) {
  if (bytes->size() > kKeptBytes) {
    bytes.emplace();
  } else {
    bytes->clear();
  }
}

}  // namespace

FrameWalker::FrameWalker(FrameListener& listener, const model::ConnectionInfo& connection,
                         model::Direction direction, session::RetentionSink* retention)
    : listener_(listener),
      retention_(retention),
      connection_(connection.id),
      direction_(direction),
      from_client_(direction == session::request_direction(connection.role)),
      state_(!connection.seen_from_start ? State::lost
             : from_client_              ? State::preface
                                         : State::header) {}

// A server may have begun to speak before it was clear that it speaks HTTP/2.
void FrameWalker::check_begin(std::uint64_t offset) {
  if (std::exchange(begun_once_, true)) return;
  if (offset != 0 && state_ != State::payload) state_ = State::lost;
}

void FrameWalker::on_bytes(const session::Segment& segment) {
  check_begin(segment.offset);
  if (state_ == State::lost && !finds_frames(segment)) return miss();
  std::span<const std::byte> bytes = segment.bytes;
  while (!bytes.empty() && state_ != State::lost) bytes = bytes.subspan(take(segment, bytes));
}

// A connection that was opened before we came may have been silent until now.
bool FrameWalker::finds_frames(const session::Segment& segment) {
  if (!segment.starts_record) return false;
  if (from_client_ && base::as_text(segment.bytes).starts_with(kPreface)) {
    state_ = State::preface;
    preface_seen_ = 0;
    misses_ = false;
    return true;
  }
  if (!is_frame_chain(segment.bytes, from_client_)) return false;
  state_ = State::header;
  misses_ = false;
  return true;
}

std::size_t FrameWalker::take(const session::Segment& segment, std::span<const std::byte> bytes) {
  if (state_ == State::payload) return take_payload(segment, bytes);
  const std::size_t used =
      state_ == State::preface ? take_preface(bytes) : take_header(segment, bytes);
  if (retention_ != nullptr) {
    retain(segment.offset + segment.bytes.size() - bytes.size(), used);
  }
  if (state_ == State::header && header_size_ == kFrameHeaderBytes) begin_frame(segment);
  return used;
}

std::size_t FrameWalker::take_preface(std::span<const std::byte> bytes) {
  const std::string_view rest = kPreface.substr(preface_seen_);
  const std::size_t used = std::min(rest.size(), bytes.size());
  if (base::as_text(bytes.first(used)) != rest.substr(0, used)) {
    reject();
    return used;
  }
  preface_seen_ += used;
  if (preface_seen_ == kPreface.size()) state_ = State::header;
  return used;
}

std::size_t FrameWalker::take_header(const session::Segment& segment,
                                     std::span<const std::byte> bytes) {
  if (header_size_ == 0) {
    begun_ = segment.time;
    arrival_ = segment.arrival;
  }
  const std::size_t used = std::min(kFrameHeaderBytes - header_size_, bytes.size());
  std::ranges::copy(bytes.first(used), header_.begin() + header_size_);
  header_size_ = static_cast<std::uint8_t>(header_size_ + used);
  return used;
}

void FrameWalker::begin_frame(const session::Segment& segment) {
  header_size_ = 0;
  frame_ = read_frame_header(header_);
  if (!is_valid(frame_) || !may_follow()) return reject();
  wanted_ = wanted_of(frame_);
  left_ = frame_.length;
  broken_ = false;
  if (carries_block(frame_.type)) {
    if (frame_.type == FrameType::continuation) ++continuations_;
    const bool too_long = block_->size() + frame_.length > kMaxBlockBytes;
    if (too_long || continuations_ > kMaxContinuations) return give_up();
  }
  state_ = State::payload;
  if (left_ == 0) end_frame({}, {segment.time, segment.process});
}

// RFC 9113 §6.10: nothing comes between the frames of a header block.
bool FrameWalker::may_follow() const {
  if (frame_.type != FrameType::continuation) return open_.stream == 0;
  return open_.stream != 0 && open_.stream == frame_.stream;
}

std::size_t FrameWalker::take_payload(const session::Segment& segment,
                                      std::span<const std::byte> bytes) {
  const std::size_t used = std::min<std::size_t>(left_, bytes.size());
  const std::uint32_t passed = frame_.length - left_;
  const bool here = passed == 0 && used == left_;
  const FrameEnd at{segment.time, segment.process};
  if (retention_ != nullptr) {
    const std::uint32_t kept = public_bytes_of(frame_, wanted_);
    const std::uint64_t offset = segment.offset + segment.bytes.size() - bytes.size();
    if (passed < kept) retain(offset, std::min<std::uint64_t>(used, kept - passed));
  }
  left_ -= static_cast<std::uint32_t>(used);
  if (here) {
    end_frame(bytes.first(wanted_), at);
    return used;
  }
  if (passed < wanted_)
    payload_->append(bytes.first(std::min<std::size_t>(used, wanted_ - passed)));
  if (left_ == 0) {
    end_frame(payload_->view(), at);
  } else if (lacks_only_padding()) {
    end_before_padding(at);
  }
  return used;
}

bool FrameWalker::lacks_only_padding() const {
  const bool is_padded = carries_block(frame_.type) && frame_.type != FrameType::continuation &&
                         frame_.has(kPadded) && !broken_;
  if (!is_padded || payload_->empty()) return false;
  return left_ <= std::to_integer<std::uint32_t>(payload_->view().front());
}

// Servers answer once they have the block (nginx): the padding may come behind the answer. It is
// passed over as if it were a frame of its own.
void FrameWalker::end_before_padding(const FrameEnd& at) {
  constexpr std::array<std::byte, 255> kPadding{};
  payload_->append(std::span(kPadding).first(left_));
  end_frame(payload_->view(), at);
  if (state_ == State::header) resume_before_boundary(left_);
}

session::HoleKind FrameWalker::on_hole(const session::Hole& hole) {
  constexpr auto kUnknown = session::HoleKind::unknown;
  check_begin(hole.offset);
  if (state_ == State::lost) {
    miss();
    return kUnknown;
  }
  const FrameEnd at{hole.time, hole.process};
  if (state_ == State::payload) {
    const bool inside = hole.length <= left_;
    if (frame_.length - left_ < wanted_) broken_ = true;
    const bool content = inside && !broken_;
    skip(std::min<std::uint64_t>(hole.length, left_), at);
    if (inside) return content ? session::HoleKind::content : kUnknown;
  }
  if (open_.stream != 0) {
    open_.broken = true;
    hand_on({}, at);
  }
  lose();
  return kUnknown;
}

void FrameWalker::skip(std::uint64_t length, const FrameEnd& at) {
  left_ -= static_cast<std::uint32_t>(length);
  if (left_ == 0) end_frame(payload_->view(), at);
}

void FrameWalker::end_frame(std::span<const std::byte> payload, const FrameEnd& at) {
  state_ = State::header;
  switch (frame_.type) {
    case FrameType::data: end_data(payload, at); break;
    case FrameType::headers:
    case FrameType::push_promise:
    case FrameType::continuation: end_fragment(payload, at); break;
    case FrameType::rst_stream: {
      std::optional<std::uint32_t> code;
      if (!broken_) code = read_u32(payload.first<kResetBytes>());
      listener_.on_reset(frame_.stream, code, at);
      break;
    }
    case FrameType::goaway: {
      std::optional<std::uint32_t> last;
      if (!broken_) last = read_u32(payload.first<sizeof(std::uint32_t)>()) & kStreamMask;
      listener_.on_goaway(last, at);
      break;
    }
    default: break;
  }
  drop(payload_);
}

void FrameWalker::end_data(std::span<const std::byte> payload, const FrameEnd& at) {
  std::optional<std::uint32_t> bytes = frame_.length;
  if (frame_.has(kPadded)) {
    bytes.reset();
    if (!broken_) {
      const std::uint32_t padding =
          payload.empty() ? 0 : 1 + std::to_integer<std::uint32_t>(payload[0]);
      if (payload.empty() || padding > frame_.length) return reject();
      bytes = frame_.length - padding;
    }
  }
  listener_.on_data(frame_.stream, bytes, frame_.has(kEndStream), at);
}

void FrameWalker::end_fragment(std::span<const std::byte> payload, const FrameEnd& at) {
  if (frame_.type != FrameType::continuation) {
    open_ = {.stream = frame_.stream,
             .bytes = {},
             .broken = false,
             .end_stream = frame_.type == FrameType::headers && frame_.has(kEndStream),
             .pushed = frame_.type == FrameType::push_promise,
             .begun = begun_,
             .arrival = arrival_};
  }
  open_.broken = open_.broken || broken_;
  std::span<const std::byte> fragment;
  if (!broken_) {
    const auto found = fragment_of(frame_, payload);
    if (!found) return reject();
    fragment = *found;
  }
  if (!frame_.has(kEndHeaders)) {
    block_->append(fragment);
    return;
  }
  if (!block_->empty()) {
    block_->append(fragment);
    fragment = block_->view();
  }
  hand_on(fragment, at);
}

void FrameWalker::hand_on(std::span<const std::byte> block, const FrameEnd& at) {
  open_.bytes = block;
  listener_.on_block(open_, at);
  clear_block();
}

void FrameWalker::clear_block() {
  open_ = {};
  continuations_ = 0;
  drop(block_);
}

void FrameWalker::retain(std::uint64_t offset, std::uint64_t length) const {
  retention_->retain(connection_, direction_, offset, length);
}

void FrameWalker::reject() {
  listener_.on_invalid();
  lose();
}

void FrameWalker::give_up() {
  listener_.on_over_limit();
  lose();
}

void FrameWalker::lose() {
  state_ = State::lost;
  header_size_ = 0;
  drop(payload_);
  clear_block();
  miss();
}

void FrameWalker::miss() {
  misses_ = true;
  listener_.on_frames_lost();
}

std::optional<std::uint64_t> FrameWalker::bytes_to_boundary() const {
  if (open_.stream != 0) return std::nullopt;
  if (state_ == State::header && header_size_ == 0) return 0;
  const bool skips =
      state_ == State::payload && frame_.type == FrameType::data && !frame_.has(kEndStream);
  if (!skips) return std::nullopt;
  return left_;
}

// As if a frame of an extension ended there.
void FrameWalker::resume_before_boundary(std::uint64_t bytes) {
  constexpr std::uint64_t kMaxLength = 0xffffff;
  if (bytes > kMaxLength) return;
  frame_ = {static_cast<std::uint32_t>(bytes), FrameType::ping, 0, 0};
  wanted_ = 0;
  left_ = frame_.length;
  broken_ = false;
  begun_once_ = true;
  state_ = left_ == 0 ? State::header : State::payload;
}

}  // namespace beyla::protocols::http2
