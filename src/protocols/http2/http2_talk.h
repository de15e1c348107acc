// For tests and fuzzers: what peers of HTTP/2 write. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocols/http2/frame.h"

namespace beyla::protocols::http2 {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

[[nodiscard]] inline std::string frame(FrameType type, unsigned flags, std::uint32_t stream,
                                       std::string_view payload) {
  std::string bytes;
  const auto put = [&bytes](std::size_t value, int octets) {
    for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(value >> static_cast<unsigned>(shift)));
    }
  };
  put(payload.size(), 3);
  put(static_cast<std::size_t>(type), 1);
  put(flags, 1);
  put(stream, 4);
  return bytes.append(payload);
}

[[nodiscard]] inline std::string u32(std::uint32_t value) {
  std::string bytes;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    bytes.push_back(static_cast<char>(value >> (shift - 8)));
  }
  return bytes;
}

// In order: operands of + may be made in any, and an encoder minds.
[[nodiscard]] inline std::string join(std::initializer_list<std::string> parts) {
  std::string bytes;
  for (const std::string& part : parts) bytes += part;
  return bytes;
}

// One side: its frames, and an HPACK encoder that indexes whatever it can (RFC 7541 §6.1, §6.2.1),
// as Go's does. Values are up to kMaxText long.
class Peer {
 public:
  static constexpr std::size_t kMaxText = 4000;

  [[nodiscard]] std::string block(const Fields& fields) {
    std::string bytes;
    for (const auto& [name, value] : fields)
      put_field(bytes, std::string(name), std::string(value));
    return bytes;
  }
  [[nodiscard]] std::string head(std::uint32_t stream, const Fields& fields, bool end = true) {
    return frame(FrameType::headers, kEndHeaders | (end ? unsigned{kEndStream} : 0U), stream,
                 block(fields));
  }
  [[nodiscard]] std::string get(std::uint32_t stream, std::string_view path) {
    return head(
        stream,
        {{":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", "shop.example"}});
  }
  [[nodiscard]] std::string call(std::uint32_t stream, std::string_view path,
                                 std::string_view timeout = {}) {
    Fields fields = {{":method", "POST"}, {":scheme", "http"},
                     {":path", path},     {":authority", "rpc.example"},
                     {"te", "trailers"},  {"content-type", "application/grpc"}};
    if (!timeout.empty()) fields.emplace_back("grpc-timeout", timeout);
    return head(stream, fields, false);
  }
  [[nodiscard]] std::string status(std::uint32_t stream, std::string_view code, bool end = true) {
    return head(stream, {{":status", code}, {"server", "test"}}, end);
  }

 private:
  using Field = std::pair<std::string, std::string>;

  static void put_number(std::string& bytes, unsigned first, unsigned bits, std::size_t number) {
    const std::size_t most = (std::size_t{1} << bits) - 1;
    if (number < most) {
      bytes.push_back(static_cast<char>(first | number));
      return;
    }
    bytes.push_back(static_cast<char>(first | most));
    for (number -= most; number > 127; number >>= 7U) {
      bytes.push_back(static_cast<char>(0x80U | (number & 0x7fU)));
    }
    bytes.push_back(static_cast<char>(number));
  }

  void put_field(std::string& bytes, const std::string& name, const std::string& value) {
    static const std::map<Field, std::size_t> kStatic = {
        {{":method", "GET"}, 2},  {{":method", "POST"}, 3}, {{":scheme", "http"}, 6},
        {{":status", "200"}, 8},  {{":status", "204"}, 9},  {{":status", "404"}, 13},
        {{":status", "500"}, 14},
    };
    constexpr std::size_t kFirst = 62;  // RFC 7541 §2.3.3
    const Field field{name, value};
    if (const auto known = kStatic.find(field); known != kStatic.end()) {
      return put_number(bytes, 0x80, 7, known->second);
    }
    if (const auto known = std::ranges::find(table_, field); known != table_.end()) {
      return put_number(bytes, 0x80, 7, kFirst + static_cast<std::size_t>(known - table_.begin()));
    }
    bytes.push_back('\x40');
    for (const std::string& text : {name, value}) {
      put_number(bytes, 0, 7, text.size());
      bytes += text;
    }
    table_.push_front(field);
    table_bytes_ += size_of(field);
    for (; table_bytes_ > 4096; table_.pop_back()) table_bytes_ -= size_of(table_.back());
  }
  [[nodiscard]] static std::size_t size_of(const Field& field) {
    return field.first.size() + field.second.size() + 32;  // RFC 7541 §4.1
  }

  std::deque<Field> table_;  // newest first
  std::size_t table_bytes_ = 0;
};

[[nodiscard]] inline std::string data(std::uint32_t stream, std::string_view bytes,
                                      bool end = true) {
  return frame(FrameType::data, end ? unsigned{kEndStream} : 0U, stream, bytes);
}
[[nodiscard]] inline std::string reset(std::uint32_t stream, std::uint32_t code) {
  return frame(FrameType::rst_stream, 0, stream, u32(code));
}
[[nodiscard]] inline std::string goaway(std::uint32_t last_stream) {
  return frame(FrameType::goaway, 0, 0, u32(last_stream) + u32(0) + "bye");
}
[[nodiscard]] inline std::string settings() { return frame(FrameType::settings, 0, 0, {}); }
[[nodiscard]] inline std::string preface() { return std::string(kPreface) + settings(); }

}  // namespace beyla::protocols::http2
