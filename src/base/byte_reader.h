// Bounds-checked reading of untrusted bytes. A failed read returns nullopt and moves nothing.
// The bytes are borrowed: they must outlive the reader. Any thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace beyla::base {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] std::size_t position() const { return position_; }

  // A struct of our own abi, in the byte order of this machine.
  template <typename T>
    requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::optional<T> read_struct() {
    if (remaining() < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  [[nodiscard]] std::optional<std::span<const std::byte>> read_bytes(std::size_t count) {
    if (remaining() < count) return std::nullopt;
    auto result = bytes_.subspan(position_, count);
    position_ += count;
    return result;
  }

  [[nodiscard]] std::optional<std::uint8_t> read_u8() { return read_struct<std::uint8_t>(); }

 private:
  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
};

[[nodiscard]] inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace beyla::base
