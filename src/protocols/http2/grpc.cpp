#include "protocols/http2/grpc.h"

#include <algorithm>
#include <charconv>

#include "protocols/http1/octets.h"

namespace beyla::protocols::http2 {
namespace {

constexpr std::size_t kMaxTimeoutDigits = 8;  // PROTOCOL-HTTP2.md: TimeoutValue

// Ours: a call waits between the computing of its timeout and its sending, whatever the timeout is;
// on a busy machine for some tens of ms. More of a long one, within which few cancel by themselves.
constexpr int kSlackShare = 8;
constexpr std::chrono::milliseconds kMinSlack{20};
constexpr std::chrono::milliseconds kMaxSlack{100};
// gRPC Core rounds up to three digits: FromMillis() of its transport/timeout_encoding.cc.
constexpr int kRoundingShare = 100;

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return http1::to_lower(a) == b; });
}

std::optional<std::chrono::nanoseconds> unit_of(char letter) {
  using namespace std::chrono_literals;
  switch (letter) {
    case 'H': return 1h;
    case 'M': return 1min;
    case 'S': return 1s;
    case 'm': return 1ms;
    case 'u': return 1us;
    case 'n': return 1ns;
    default: return std::nullopt;
  }
}

}  // namespace

bool is_grpc_content(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!equals_ignoring_case(content_type.substr(0, kGrpc.size()), kGrpc)) return false;
  const std::string_view rest = content_type.substr(kGrpc.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';';
}

std::uint32_t grpc_status_of(std::string_view value) {
  std::uint32_t code = kGrpcUnknown;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), code);
  const bool is_number = error == std::errc{} && end == value.data() + value.size();
  return is_number && code <= kGrpcUnauthenticated ? code : kGrpcUnknown;
}

std::optional<std::chrono::nanoseconds> grpc_timeout_of(std::string_view value) {
  if (value.size() < 2 || value.size() > kMaxTimeoutDigits + 1) return std::nullopt;
  const auto unit = unit_of(value.back());
  std::int64_t count = 0;
  const char* const digits_end = value.data() + value.size() - 1;
  const auto [end, error] = std::from_chars(value.data(), digits_end, count);
  if (!unit || error != std::errc{} || end != digits_end || count < 0) return std::nullopt;
  constexpr std::chrono::nanoseconds kForever = std::chrono::hours(24 * 365);
  if (count > kForever / *unit) return kForever;
  return count * *unit;
}

// http-grpc-status-mapping.md
std::uint32_t grpc_status_of_http(std::uint16_t status) {
  switch (status) {
    case 400: return kGrpcInternal;
    case 401: return kGrpcUnauthenticated;
    case 403: return kGrpcPermissionDenied;
    case 404: return kGrpcUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return kGrpcUnavailable;
    default: return kGrpcUnknown;
  }
}

// PROTOCOL-HTTP2.md, "Errors"; what it leaves out is INTERNAL as in grpc-go, http2ErrConvTab of
// internal/transport/http_util.go.
std::uint32_t grpc_status_of_reset(std::uint32_t error_code) {
  switch (error_code) {
    case kErrorRefusedStream: return kGrpcUnavailable;
    case kErrorCancel: return kGrpcCancelled;
    case kErrorEnhanceYourCalm: return kGrpcResourceExhausted;
    case kErrorInadequateSecurity: return kGrpcPermissionDenied;
    default: return kGrpcInternal;
  }
}

bool is_deadline(std::chrono::nanoseconds timeout, std::chrono::nanoseconds elapsed) {
  const std::chrono::nanoseconds waited =
      std::clamp<std::chrono::nanoseconds>(timeout / kSlackShare, kMinSlack, kMaxSlack);
  return elapsed + waited + timeout / kRoundingShare >= timeout;
}

}  // namespace beyla::protocols::http2
