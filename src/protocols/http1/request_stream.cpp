#include "protocols/http1/request_stream.h"

#include <algorithm>
#include <utility>

#include "base/byte_reader.h"
#include "protocols/http1/descriptor.h"
#include "protocols/http1/methods.h"

namespace beyla::protocols::http1 {
namespace {

constexpr std::size_t kMaxPathBytes = 1024;                   // ours
constexpr std::size_t kMaxBlankBytes = 2 * kMaxLeadingLines;  // each CR LF

bool is_registered_request_line(std::span<const std::byte> bytes) {
  const RequestParse line = parse_request_line(bytes);
  return line.status == HeadStatus::complete && operation_of(line.head.method) != kOtherMethod;
}

}  // namespace

void RequestStream::on_bytes(const session::Segment& segment) {
  if (segment.starts_record && !in_sync() && !begins_again(segment)) return;
  std::span<const std::byte> bytes = segment.bytes;
  while (!bytes.empty() && state_ != State::lost) {
    std::size_t used = 0;
    switch (state_) {
      case State::head:
        bytes = skip_empty_lines(bytes);
        if (!bytes.empty()) used = take_head(segment, bytes);
        break;
      case State::body:
        used = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size()));
        remaining_ -= used;
        if (remaining_ == 0) next_head();
        break;
      case State::chunks: used = take_chunks(bytes); break;
      case State::lost: break;
    }
    bytes = bytes.subspan(used);
  }
}

// In a loss, or in a head that was guessed at: does this socket call begin with a request?
bool RequestStream::begins_again(const session::Segment& segment) {
  if (resyncing_ && !buffer_.empty()) {
    // A guess whose first line is still open yields to a call that brings a whole one.
    const bool line_open = parse_request_line(buffer_.bytes()).status == HeadStatus::incomplete;
    if (!line_open || !is_registered_request_line(segment.bytes)) return true;
    buffer_.clear();
  }
  if (detect_request(segment.bytes) == DetectResult::no_match) return state_ != State::lost;
  if (!listener_.may_begin(segment.other_offset)) return state_ != State::lost;
  next_head();
  resyncing_ = true;
  return true;
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
  if (buffer_.empty()) {
    arrival_ = segment.arrival;
    if (bytes.front() == std::byte{'\r'} || bytes.front() == std::byte{'\n'}) {
      reject();
      return 0;
    }
  }
  const HeadBuffer::Fed fed = buffer_.feed(bytes);
  if (fed.status == HeadBuffer::Status::incomplete) return fed.used;
  if (fed.status == HeadBuffer::Status::too_long) {
    take_truncated(fed.head, segment);
    return fed.used;
  }
  const RequestParse parse = parse_request_head(fed.head);
  if (parse.status != HeadStatus::complete) {
    reject();
    return fed.used;
  }
  const Framing& framing = parse.head.framing;
  std::optional<std::uint64_t> body_bytes;
  if (!framing.chunked && !framing.other_coding) body_bytes = framing.content_length.value_or(0);
  deliver(parse.head, body_bytes, segment);
  follow(parse.head);
  buffer_.clear();
  return fed.used;
}

// RFC 9112 §6.3, requests.
void RequestStream::follow(const RequestHead& head) {
  resyncing_ = false;
  blank_bytes_ = 0;
  if (head.method == "CONNECT" || head.framing.other_coding) {
    // RFC 9110 §9.3.6: what follows CONNECT may be a tunnel already.
    state_ = State::lost;
    listener_.on_framing_lost();
  } else if (head.framing.chunked) {
    chunks_ = ChunkWalker{};
    state_ = State::chunks;
  } else {
    remaining_ = head.framing.content_length.value_or(0);
    state_ = remaining_ == 0 ? State::head : State::body;
  }
}

std::size_t RequestStream::take_chunks(std::span<const std::byte> bytes) {
  const std::size_t used = chunks_.feed(bytes);
  if (chunks_.done()) {
    listener_.on_request_body(sequence_, chunks_.decoded_bytes());
    next_head();
  } else if (chunks_.lost()) {
    lose();
    listener_.on_framing_lost();
  }
  return used;
}

void RequestStream::on_hole(const session::Hole& hole) {
  if (state_ == State::lost) {
    if (hole.lost) listener_.on_request_gap();
    return;
  }
  if (state_ == State::body && hole.length <= remaining_) {
    remaining_ -= hole.length;
    if (remaining_ == 0) next_head();
    return;
  }
  if (state_ == State::chunks) {
    chunks_.skip(hole.length);
    if (!chunks_.lost()) return;
    lose();
    hole.lost ? listener_.on_request_gap() : listener_.on_framing_lost();
    return;
  }
  if (state_ == State::head && !buffer_.empty() && !hole.lost) {
    session::Segment at;
    at.other_offset = hole.other_offset;
    at.time = hole.time;
    at.process = hole.process;
    take_truncated(buffer_.bytes(), at);
    return;
  }
  lose();
  listener_.on_request_gap();
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
  lose();
  listener_.on_framing_lost();
}

void RequestStream::deliver(const RequestHead& head, std::optional<std::uint64_t> body_bytes,
                            const session::Segment& at) {
  Request request;
  request.operation = operation_of(head.method);
  request.path = path_of(head.target).substr(0, kMaxPathBytes);
  request.arrival = arrival_;
  request.received = at.time;
  request.body_bytes = body_bytes;
  request.process = at.process;
  request.send_position = at.other_offset;
  request.sequence = ++sequence_;
  listener_.on_request(std::move(request));
}

void RequestStream::reject() {
  lose();
  listener_.on_invalid_request();
}

void RequestStream::lose() {
  next_head();
  state_ = State::lost;
}

void RequestStream::next_head() {
  state_ = State::head;
  resyncing_ = false;
  blank_bytes_ = 0;
  buffer_.clear();
}

}  // namespace beyla::protocols::http1
