#include "protocols/http2/grpc_web.h"

#include <algorithm>
#include <utility>

#include "protocols/http1/octets.h"
#include "protocols/http2/grpc.h"

namespace beyla::protocols::http2 {
namespace {

// PROTOCOL-HTTP2.md, Length-Prefixed-Message; PROTOCOL-WEB.md, "Message framing".
constexpr std::uint8_t kHeaderBytes = 5;
constexpr std::uint8_t kTrailersFlag = 0x80;
constexpr std::uint8_t kCompressedFlag = 0x01;
constexpr std::string_view kWantedLine = "grpc-status:";
// RFC 4648 §4.
constexpr std::uint8_t kGroupLetters = 4;
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool starts_ignoring_case(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::ranges::equal(text.substr(0, lower.size()), lower,
                            [](char a, char b) { return http1::to_lower(a) == b; });
}

}  // namespace

GrpcWeb grpc_web_of(std::string_view content_type) {
  constexpr std::string_view kBinary = "application/grpc-web";
  constexpr std::string_view kText = "-text";
  if (!starts_ignoring_case(content_type, kBinary)) return GrpcWeb::none;
  std::string_view rest = content_type.substr(kBinary.size());
  const bool is_text = starts_ignoring_case(rest, kText);
  if (is_text) rest.remove_prefix(kText.size());
  if (!rest.empty() && rest.front() != '+' && rest.front() != ';') return GrpcWeb::none;
  return is_text ? GrpcWeb::text : GrpcWeb::binary;
}

void GrpcWebBody::feed(std::span<const std::byte> content) {
  while (!content.empty()) {
    if (kind_ == GrpcWeb::binary && state_ == State::message) {
      const auto passed = std::min<std::size_t>(left_, content.size());
      skip(passed);
      content = content.subspan(passed);
      continue;
    }
    const auto octet = std::to_integer<std::uint8_t>(content.front());
    kind_ == GrpcWeb::text ? take_text(octet) : take(octet);
    content = content.subspan(1);
  }
}

void GrpcWebBody::skip(std::uint64_t length) {
  if (length == 0) return;
  if (kind_ != GrpcWeb::binary || state_ != State::message || length > left_) {
    state_ = State::lost;
    return;
  }
  left_ -= static_cast<std::uint32_t>(length);
  if (left_ == 0) state_ = State::header;
}

std::optional<std::uint32_t> GrpcWebBody::status() const {
  return state_ == State::done ? status_ : std::nullopt;
}

// Each piece that a server writes may be encoded, and padded, for itself.
void GrpcWebBody::take_text(std::uint8_t octet) {
  if (octet == '\r' || octet == '\n') return;
  const auto found = kBase64.find(static_cast<char>(octet));
  if (octet == '=' && letters_ >= 2) {
    ++padding_;
  } else if (found == std::string_view::npos || padding_ != 0) {
    state_ = State::lost;
    return;
  }
  bits_ = bits_ << 6U | (octet == '=' ? 0U : static_cast<std::uint32_t>(found));
  if (++letters_ < kGroupLetters) return;
  const std::uint32_t bits = std::exchange(bits_, 0);
  const unsigned octets = 3U - std::exchange(padding_, 0);
  letters_ = 0;
  for (unsigned i = 0; i < octets; ++i) take(static_cast<std::uint8_t>(bits >> (16U - 8U * i)));
}

void GrpcWebBody::take(std::uint8_t octet) {
  switch (state_) {
    case State::header:
      if (header_bytes_ == 0) {
        flags_ = octet;
      } else {
        left_ = left_ << 8U | octet;
      }
      if (++header_bytes_ == kHeaderBytes) begin_frame();
      return;
    case State::message:
      if (--left_ == 0) state_ = State::header;
      return;
    case State::trailers:
      take_trailer(static_cast<char>(octet));
      if (--left_ > 0) return;
      end_line();
      state_ = State::done;
      return;
    case State::done:
    case State::lost: state_ = State::lost; return;
  }
}

void GrpcWebBody::begin_frame() {
  header_bytes_ = 0;
  const bool has_trailers = (flags_ & kTrailersFlag) != 0;
  if ((flags_ & ~(kTrailersFlag | kCompressedFlag)) != 0 ||
      (has_trailers && (flags_ & kCompressedFlag) != 0)) {
    state_ = State::lost;
  } else if (left_ != 0) {
    state_ = has_trailers ? State::trailers : State::message;
  } else if (has_trailers) {
    state_ = State::done;
  }
}

void GrpcWebBody::take_trailer(char letter) {
  if (letter == '\n') return end_line();
  if (letter == '\r') return;
  if (line_ == Line::name) {
    if (http1::to_lower(letter) != kWantedLine[matched_]) {
      line_ = Line::other;
    } else if (++matched_ == kWantedLine.size()) {
      line_ = Line::value;
    }
  } else if (line_ == Line::value && (letter != ' ' || has_digits_)) {
    has_digits_ = true;
    is_number_ = is_number_ && http1::is_digit(letter) && value_ <= kGrpcUnauthenticated;
    if (is_number_) value_ = value_ * 10 + static_cast<std::uint32_t>(letter - '0');
  }
}

// As grpc_status_of() says it.
void GrpcWebBody::end_line() {
  if (line_ == Line::value) {
    const bool is_code = has_digits_ && is_number_ && value_ <= kGrpcUnauthenticated;
    status_ = is_code ? value_ : std::uint32_t{kGrpcUnknown};
  }
  line_ = Line::name;
  matched_ = 0;
  value_ = 0;
  has_digits_ = false;
  is_number_ = true;
}

}  // namespace beyla::protocols::http2
