// What gRPC means by what HTTP/2 shows, https://github.com/grpc/grpc/blob/master/doc:
// PROTOCOL-HTTP2.md, statuscodes.md, http-grpc-status-mapping.md. Pure functions, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace beyla::protocols::http2 {

enum GrpcStatus : std::uint32_t {  // statuscodes.md
  kGrpcOk = 0,
  kGrpcCancelled = 1,
  kGrpcUnknown = 2,
  kGrpcDeadlineExceeded = 4,
  kGrpcPermissionDenied = 7,
  kGrpcResourceExhausted = 8,
  kGrpcUnimplemented = 12,
  kGrpcInternal = 13,
  kGrpcUnavailable = 14,
  kGrpcUnauthenticated = 16,
};

enum ErrorCode : std::uint32_t {  // RFC 9113 §7
  kErrorRefusedStream = 0x7,
  kErrorCancel = 0x8,
  kErrorEnhanceYourCalm = 0xb,
  kErrorInadequateSecurity = 0xc,
};

// "application/grpc", also with "+proto" or parameters; not grpc-web, whose status is in its body.
[[nodiscard]] bool is_grpc_content(std::string_view content_type);

// A number that is no code of gRPC is UNKNOWN, as is what is no number.
[[nodiscard]] std::uint32_t grpc_status_of(std::string_view value);

// "100m": 100 ms. nullopt: breaks the grammar.
[[nodiscard]] std::optional<std::chrono::nanoseconds> grpc_timeout_of(std::string_view value);

// Of an answer that has no grpc-status.
[[nodiscard]] std::uint32_t grpc_status_of_http(std::uint16_t status);

// Of a stream that ended by RST_STREAM with that error code.
[[nodiscard]] std::uint32_t grpc_status_of_reset(std::uint32_t error_code);

// A client that cancels, or closes, after so long gives up because of its deadline, not by its own
// will. elapsed: since the request was sent, or at least since it came.
[[nodiscard]] bool is_deadline(std::chrono::nanoseconds timeout, std::chrono::nanoseconds elapsed);

}  // namespace beyla::protocols::http2
