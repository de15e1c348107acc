#include "protocols/http1/request_stream.h"

#include <algorithm>
#include <utility>

#include "base/byte_reader.h"
#include "protocols/http1/descriptor.h"
#include "protocols/http1/methods.h"

namespace beyla::protocols::http1 {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;  // ours

bool is_registered_request_line(std::span<const std::byte> bytes) {
  const RequestParse line = parse_request_line(bytes);
  return line.status == HeadStatus::complete && operation_of(line.head.method) != kOtherMethod;
}

// Nobody can say for sure where it ends: what comes behind it is not believed.
bool is_last(const RequestHead& head) {
  return head.framing.other_coding || head.framing.ambiguous(head.minor_version);
}

}  // namespace

RequestStream::RequestStream(RequestListener& listener, const model::ConnectionInfo& connection,
                             session::RetentionSink* retention)
    : listener_(listener),
      role_(connection.role),
      retained_(retention, connection.id, session::request_direction(connection.role),
                RetainedBytes::HeadKind::request) {}

void RequestStream::on_bytes(const session::Segment& segment) {
  std::span<const std::byte> bytes = segment.bytes;
  if (!segment.starts_record || in_sync() || begins_again(segment)) {
    while (!bytes.empty() && state_ != State::lost) bytes = bytes.subspan(take(segment, bytes));
  }
  if (!bytes.empty() && behind_connect_) listener_.on_bytes_behind_connect();
  if (doubt_ == Doubt::chunks) watch_for_last_chunk(segment);
}

void RequestStream::watch_for_last_chunk(const session::Segment& segment) {
  std::uint64_t offset = segment.offset;
  for (const char octet : base::as_text(segment.bytes)) {
    if (last_chunk_.take(octet) && retained_.wanted()) retained_.take_all(offset, 1);
    ++offset;
  }
}

// How many of the bytes belong to what is being read.
std::size_t RequestStream::take(const session::Segment& segment, std::span<const std::byte> bytes) {
  if (state_ == State::body) return take_body(bytes.size());
  const std::uint64_t offset = segment.offset + segment.bytes.size() - bytes.size();
  if (state_ == State::chunks) return take_chunks(bytes, offset);
  const std::span<const std::byte> rest = skip_empty_lines(bytes);
  return bytes.size() - rest.size() + (rest.empty() ? 0 : take_head(segment, rest));
}

std::size_t RequestStream::take_body(std::uint64_t length) {
  if (body_in_doubt_) {
    body_in_doubt_ = false;
    listener_.on_request_body(sequence_, body_bytes_);
  }
  const std::uint64_t used = std::min(remaining_, length);
  remaining_ -= used;
  if (remaining_ == 0) next_head();
  return static_cast<std::size_t>(used);
}

// In a loss, or in a head that was guessed at: does this socket call begin with a request?
bool RequestStream::begins_again(const session::Segment& segment) {
  if (resyncing_ && !buffer_.empty()) {
    if (!yields(segment)) return true;
    buffer_.clear();
  }
  if (detect_request(segment.bytes) == DetectResult::no_match) return state_ != State::lost;
  const bool inside_chunks = doubt_ == Doubt::chunks && !last_chunk_.ended();
  if (inside_chunks || !listener_.may_begin(segment.other_offset, in_doubt())) {
    return state_ != State::lost;
  }
  next_head();
  behind_connect_ = false;
  resyncing_ = true;
  return true;
}

// A guess whose first line is still open yields to a call that brings a whole one.
bool RequestStream::yields(const session::Segment& segment) {
  return !in_doubt() && is_registered_request_line(segment.bytes) &&
         parse_request_line(buffer_.bytes()).status == HeadStatus::incomplete;
}

// RFC 9112 §2.2: empty lines before a request are ignored.
std::span<const std::byte> RequestStream::skip_empty_lines(std::span<const std::byte> bytes) {
  if (!buffer_.empty()) return bytes;
  std::size_t count = 0;
  while (count < bytes.size() && blank_bytes_ < kMaxBlankBytes &&
         (bytes[count] == std::byte{'\r'} || bytes[count] == std::byte{'\n'})) {
    ++count;
    ++blank_bytes_;
  }
  return bytes.subspan(count);
}

std::size_t RequestStream::take_head(const session::Segment& segment,
                                     std::span<const std::byte> bytes) {
  const bool begins = buffer_.empty();
  if (begins) {
    begun_ = segment.time;
    arrival_ = segment.arrival;
    if (bytes.front() == std::byte{'\r'} || bytes.front() == std::byte{'\n'}) {
      reject(segment);
      return 0;
    }
  }
  const HeadBuffer::Fed fed = buffer_.feed(bytes);
  if (retained_.wanted()) {
    if (begins) retained_.begin_head();
    const std::size_t before = segment.bytes.size() - bytes.size();
    retained_.take_head(segment.offset + before, bytes.first(fed.used));
  }
  if (fed.status == HeadBuffer::Status::incomplete) return fed.used;
  if (fed.status == HeadBuffer::Status::too_long) {
    take_truncated(fed.head, segment);
    return fed.used;
  }
  const RequestParse parse = parse_request_head(fed.head);
  if (parse.status != HeadStatus::complete) {
    reject(segment);
    return fed.used;
  }
  const Framing& framing = parse.head.framing;
  std::optional<std::uint64_t> body_bytes;
  if (!framing.chunked && !framing.other_coding) body_bytes = framing.content_length.value_or(0);
  body_in_doubt_ = parse.head.expect_continue && body_bytes.value_or(0) > 0;
  body_bytes_ = body_bytes.value_or(0);
  if (body_in_doubt_) body_bytes.reset();
  deliver(parse.head, body_bytes, segment);
  follow(parse.head);
  buffer_.clear();
  return fed.used;
}

// RFC 9112 §6.3, requests.
void RequestStream::follow(const RequestHead& head) {
  resyncing_ = false;
  doubt_ = Doubt::none;
  blank_bytes_ = 0;
  if (is_last(head)) {
    state_ = State::lost;
  } else if (head.method == "CONNECT") {
    // RFC 9110 §9.3.6: what follows may be a tunnel already.
    state_ = State::lost;
    behind_connect_ = true;
    listener_.on_framing_lost();
  } else if (head.framing.chunked) {
    chunks_ = ChunkWalker{};
    state_ = State::chunks;
  } else {
    remaining_ = head.framing.content_length.value_or(0);
    state_ = remaining_ == 0 ? State::head : State::body;
  }
}

std::size_t RequestStream::take_chunks(std::span<const std::byte> bytes, std::uint64_t offset) {
  if (retained_.wanted()) retained_.take_chunks(chunks_, offset, bytes);
  const std::size_t used = chunks_.feed(bytes);
  if (chunks_.done()) {
    listener_.on_request_body(sequence_, chunks_.decoded_bytes());
    next_head();
  } else if (chunks_.lost()) {
    lose_end(Doubt::chunks);
    listener_.on_framing_lost();
  }
  return used;
}

session::HoleKind RequestStream::on_hole(const session::Hole& hole) {
  constexpr auto kUnknown = session::HoleKind::unknown;
  last_chunk_.forget();
  if (state_ == State::lost) {
    if (hole.lost) listener_.on_request_gap();
    return kUnknown;
  }
  if (state_ == State::body && hole.length <= remaining_) {
    take_body(hole.length);
    return session::HoleKind::content;
  }
  if (state_ == State::chunks) {
    chunks_.skip(hole.length);
    if (!chunks_.lost()) return session::HoleKind::content;
    lose_end(Doubt::chunks);
    hole.lost ? listener_.on_request_gap() : listener_.on_framing_lost();
    return kUnknown;
  }
  if (state_ == State::head && !buffer_.empty() && !hole.lost) {
    session::Segment at;
    at.other_offset = hole.other_offset;
    at.time = hole.time;
    at.process = hole.process;
    take_truncated(buffer_.bytes(), at);
    return kUnknown;
  }
  lose();
  listener_.on_request_gap();
  return kUnknown;
}

std::optional<std::uint64_t> RequestStream::unfinished() const {
  if (state_ != State::body) return std::nullopt;
  return sequence_;
}

std::optional<std::uint64_t> RequestStream::body_left() const {
  if (state_ != State::body) return std::nullopt;
  return remaining_;
}

void RequestStream::resume_in_body(std::uint64_t length) {
  state_ = State::body;
  remaining_ = length;
}

// The request counts if its first line is there; where it ends nobody can say.
void RequestStream::take_truncated(std::span<const std::byte> head, const session::Segment& at) {
  const RequestParse line = parse_request_line(head);
  if (line.status != HeadStatus::complete) {
    lose();
    listener_.on_request_gap();
    return;
  }
  deliver(line.head, std::nullopt, at);
  lose_end(Doubt::head);
  listener_.on_framing_lost();
}

void RequestStream::deliver(const RequestHead& head, std::optional<std::uint64_t> body_bytes,
                            const session::Segment& at) {
  Request request;
  request.last = is_last(head);
  request.doubted = in_doubt();
  request.operation = operation_of(head.method);
  request.path = path_of(head.target).substr(0, kMaxPathBytes);
  const bool client = role_ == model::Role::client;
  if (!client) request.arrival = arrival_;
  request.received = client ? begun_ : at.time;
  request.body_bytes = body_bytes;
  request.trace_parent = head.trace_parent;
  request.grpc_web = head.grpc_web != http2::GrpcWeb::none && head.method == "POST";
  request.process = at.process;
  request.answer_position = at.other_offset;
  request.sequence = ++sequence_;
  listener_.on_request(std::move(request));
}

void RequestStream::reject(const session::Segment& segment) {
  const bool guessed = resyncing_;
  lose();
  listener_.on_invalid_request(segment.other_offset, guessed);
}

void RequestStream::lose() {
  next_head();
  state_ = State::lost;
}

void RequestStream::lose_end(Doubt doubt) {
  lose();
  doubt_ = doubt;
  last_chunk_.forget();
}

void RequestStream::next_head() {
  state_ = State::head;
  resyncing_ = false;
  blank_bytes_ = 0;
  buffer_.clear();
}

}  // namespace beyla::protocols::http1
