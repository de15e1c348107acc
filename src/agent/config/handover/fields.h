// The fields that blobs and messages are made of. What a worker sends is read strictly: each
// content has one encoding, and anything else is an Error of code system and EBADMSG that names the
// field. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "base/result.h"

namespace beyla::agent::config {

// "MESSAGE: FIELD", EBADMSG.
[[nodiscard]] std::unexpected<base::Error> not_understood(std::string_view message,
                                                          std::string_view field);

// REQUIRES: shorter than the field, no NUL.
void write_text(std::span<std::uint8_t> field, std::string_view text);
// What stands before the NUL; nullopt where there is none, or anything but zero behind it.
[[nodiscard]] std::optional<std::string> read_text(std::span<const std::uint8_t> field);

[[nodiscard]] inline bool is_boolean(std::uint32_t value) { return value <= 1; }

// T begins with its version and length.
template <typename T>
[[nodiscard]] base::Result<T> read_framed(std::span<const std::byte> bytes, std::uint32_t version,
                                          std::string_view message) {
  const auto value = base::ByteReader(bytes).read_struct<T>();
  if (bytes.size() != sizeof(T) || !value) return not_understood(message, "size");
  if (value->version != version) return not_understood(message, "version");
  if (value->length != sizeof(T)) return not_understood(message, "length");
  return *value;
}

}  // namespace beyla::agent::config
