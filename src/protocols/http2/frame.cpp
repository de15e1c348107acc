#include "protocols/http2/frame.h"

#include <array>

namespace beyla::protocols::http2 {
namespace {

constexpr std::uint32_t kStreamMask = 0x7fffffff;        // the highest bit is reserved
constexpr std::uint32_t kDefaultMaxFrameBytes = 16384;   // RFC 9113 §6.5.2
constexpr std::uint32_t kSettingBytes = 6;               // RFC 9113 §6.5.1
constexpr std::uint32_t kMaxServerSettingsBytes = 1024;  // ours: there are some ten settings

constexpr auto kTypes = static_cast<std::uint8_t>(FrameType::continuation) + 1;

struct TypeRule {
  std::uint8_t flags = 0;      // that are defined
  bool on_connection = false;  // stream 0
  bool on_stream = false;      // any other
  std::uint32_t min_length = 0;
  std::uint32_t max_length = 0xffffff;
};

// RFC 9113 §6.1 to §6.10, by type.
constexpr std::array<TypeRule, kTypes> kRules = {{
    {kEndStream | kPadded, false, true},
    {kEndStream | kEndHeaders | kPadded | kPriority, false, true},
    {0, false, true, 5, 5},
    {0, false, true, 4, 4},
    {kAck, true, false},
    {kEndHeaders | kPadded, false, true, 4},
    {kAck, true, false, 8, 8},
    {0, true, false, 8},
    {0, true, true, 4, 4},
    {kEndHeaders, false, true},
}};

std::uint32_t read_big_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (const std::byte octet : bytes) value = value << 8U | std::to_integer<std::uint32_t>(octet);
  return value;
}

// Of a client that we do not follow yet.
bool is_likely(const FrameHeader& frame, bool from_client) {
  const auto type = static_cast<std::uint8_t>(frame.type);
  if (type >= kTypes || !is_valid(frame)) return false;
  if ((frame.flags & static_cast<std::uint8_t>(~kRules[type].flags)) != 0) return false;
  if (frame.length > kDefaultMaxFrameBytes) return false;
  if (frame.type == FrameType::push_promise && from_client) return false;
  const bool carries = frame.type <= FrameType::headers || frame.type == FrameType::continuation;
  return !carries || !from_client || frame.stream % 2 == 1;
}

}  // namespace

std::uint32_t read_u32(std::span<const std::byte, 4> bytes) { return read_big_endian(bytes); }

FrameHeader read_frame_header(std::span<const std::byte> bytes) {
  FrameHeader frame;
  frame.length = read_big_endian(bytes.first(3));
  frame.type = static_cast<FrameType>(bytes[3]);
  frame.flags = std::to_integer<std::uint8_t>(bytes[4]);
  frame.stream = read_big_endian(bytes.subspan(5, 4)) & kStreamMask;
  return frame;
}

bool is_valid(const FrameHeader& frame) {
  const auto type = static_cast<std::uint8_t>(frame.type);
  if (type >= kTypes) return true;  // RFC 9113 §5.5: of an extension
  const TypeRule& rule = kRules[type];
  if (frame.length < rule.min_length || frame.length > rule.max_length) return false;
  if (frame.type == FrameType::settings) {
    const bool acknowledges = frame.has(kAck);
    if (frame.length % kSettingBytes != 0 || (acknowledges && frame.length != 0)) return false;
  }
  return frame.stream == 0 ? rule.on_connection : rule.on_stream;
}

bool is_frame_chain(std::span<const std::byte> bytes, bool from_client) {
  std::size_t frames = 0;
  std::uint32_t block_of = 0;  // the stream whose header block goes on
  while (bytes.size() >= kFrameHeaderBytes) {
    const bool reserved = (bytes[5] & std::byte{0x80}) != std::byte{0};
    const FrameHeader frame = read_frame_header(bytes);
    if (reserved || !is_likely(frame, from_client)) return false;
    const bool goes_on = frame.type == FrameType::continuation;
    if (goes_on != (block_of != 0) || (goes_on && frame.stream != block_of)) return false;
    const bool opens =
        goes_on || frame.type == FrameType::headers || frame.type == FrameType::push_promise;
    if (opens) block_of = frame.has(kEndHeaders) ? 0 : frame.stream;
    ++frames;
    const std::size_t size = kFrameHeaderBytes + frame.length;
    if (size == bytes.size()) return true;
    if (size > bytes.size()) break;
    bytes = bytes.subspan(size);
  }
  return frames > 1;
}

bool is_server_preface(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeaderBytes) return false;
  const FrameHeader frame = read_frame_header(bytes);
  return frame.type == FrameType::settings && frame.flags == 0 && is_valid(frame) &&
         frame.length <= kMaxServerSettingsBytes;
}

}  // namespace beyla::protocols::http2
