// The head of an HTTP/1 message (RFC 9112), scanned in place: the results are views of the input.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "model/trace.h"
#include "protocols/http2/grpc_web.h"

namespace beyla::protocols::http1 {

inline constexpr std::size_t kMaxMethodBytes = 32;    // ours; RFC 9110 §9.1 sets none
inline constexpr std::uint16_t kMinAnswerBytes = 16;  // RFC 9112 §4: "HTTP/1.1 200", two line ends
inline constexpr std::size_t kMaxHeadBytes =
    16384;  // ours; RFC 9110 §5.4: servers choose; most 8-16 KiB
inline constexpr std::size_t kMaxLeadingLines = 2;  // RFC 9112 §2.2: "at least one empty line"
inline constexpr std::size_t kMaxBlankBytes = 2 * kMaxLeadingLines;  // each CR LF

enum class HeadStatus : std::uint8_t { complete, incomplete, invalid };

// What RFC 9112 §6 needs to find the end of the body.
struct Framing {
  std::optional<std::uint64_t> content_length;
  bool chunked = false;       // the last transfer coding is chunked
  bool other_coding = false;  // there is a transfer coding, and the last one is not chunked

  // RFC 9112 §6.1 and §6.3: who reads it differently finds other messages behind it ("smuggling").
  [[nodiscard]] bool ambiguous(std::uint8_t minor_version) const {
    return (chunked || other_coding) && (content_length || minor_version == 0);
  }
};

struct RequestHead {
  std::string_view method;
  std::string_view target;
  std::uint8_t minor_version = 0;
  bool upgrade = false;                            // Connection: upgrade
  bool expect_continue = false;                    // the body may never come
  std::optional<model::TraceParent> trace_parent;  // if exactly one is there, and right
  http2::GrpcWeb grpc_web = http2::GrpcWeb::none;
  Framing framing;
};

struct ResponseHead {
  std::uint16_t status_code = 0;  // 100..599
  std::uint8_t minor_version = 0;
  bool upgrade = false;
  bool to_http2 = false;  // Upgrade: h2c
  http2::GrpcWeb grpc_web = http2::GrpcWeb::none;
  std::optional<std::uint32_t> grpc_status;  // of a call whose whole answer is the head
  Framing framing;
};

struct RequestParse {
  HeadStatus status = HeadStatus::incomplete;
  std::size_t length = 0;  // complete: of the whole head with its empty line
  RequestHead head;
};

struct ResponseParse {
  HeadStatus status = HeadStatus::incomplete;
  std::size_t length = 0;
  ResponseHead head;
};

[[nodiscard]] RequestParse parse_request_head(std::span<const std::byte> bytes);
[[nodiscard]] ResponseParse parse_response_head(std::span<const std::byte> bytes);

// Only the first line, for heads whose rest is not there: complete when the line is. framing and
// upgrade stay empty; length is that of the line with its end.
[[nodiscard]] RequestParse parse_request_line(std::span<const std::byte> bytes);
[[nodiscard]] ResponseParse parse_status_line(std::span<const std::byte> bytes);

// RFC 9110 §9.1, §7.1 and RFC 9112 §3.2: the target without scheme, authority, query and
// fragment; "*" and the authority-form of CONNECT stay as they are, but for userinfo. Empty: nobody
// can say what of it is userinfo.
[[nodiscard]] std::string_view path_of(std::string_view target);

}  // namespace beyla::protocols::http1
