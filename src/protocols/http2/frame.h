// The frames of HTTP/2 (RFC 9113 §4, §6): their header, and which headers can be one. Pure
// functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace beyla::protocols::http2 {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 §3.4
inline constexpr std::size_t kFrameHeaderBytes = 9;                               // RFC 9113 §4.1

enum class FrameType : std::uint8_t {  // RFC 9113 §6
  data = 0,
  headers,
  priority,
  rst_stream,
  settings,
  push_promise,
  ping,
  goaway,
  window_update,
  continuation,
};

enum FrameFlag : std::uint8_t {
  kEndStream = 0x1,
  kAck = 0x1,
  kEndHeaders = 0x4,
  kPadded = 0x8,
  kPriority = 0x20,
};

struct FrameHeader {
  std::uint32_t length = 0;  // of the payload; 24 bits
  FrameType type{};          // any value of its octet
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;  // 31 bits; 0: the connection
  [[nodiscard]] bool has(FrameFlag flag) const { return (flags & flag) != 0; }
};

// REQUIRES: kFrameHeaderBytes at least.
[[nodiscard]] FrameHeader read_frame_header(std::span<const std::byte> bytes);

// What no peer may send: lengths of fixed size, a stream where there is none.
[[nodiscard]] bool is_valid(const FrameHeader& frame);

// Do whole frames begin with bytes[0], as far as one can see? Asks for more than is_valid(): types
// and flags that are defined, lengths that everybody takes; and for two headers at least behind
// each other, or a frame that ends where the bytes end. from_client: its streams have odd numbers
// (RFC 9113 §5.1.1).
[[nodiscard]] bool is_frame_chain(std::span<const std::byte> bytes, bool from_client);

// What a server may send before it has read the preface: its SETTINGS (RFC 9113 §3.4).
[[nodiscard]] bool is_server_preface(std::span<const std::byte> bytes);

[[nodiscard]] std::uint32_t read_u32(std::span<const std::byte, 4> bytes);

}  // namespace beyla::protocols::http2
