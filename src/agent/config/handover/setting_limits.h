// What values settings may have: asked by the loader for what the operator wrote, and by the
// decoders for what a configuration worker says. Pure, any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "abi/config.h"

namespace beyla::agent::config {

inline constexpr std::size_t kMaxExecutableBytes = abi::kExecutableTextBytes - 1;
inline constexpr std::size_t kMaxServiceNameBytes = abi::kServiceTextBytes - 1;
inline constexpr std::size_t kMaxUrlPathBytes = abi::kUrlPathBytes - 1;
inline constexpr std::chrono::nanoseconds kMinTtl = std::chrono::milliseconds(1);
inline constexpr std::chrono::nanoseconds kMaxTtl = std::chrono::hours(24 * 365);
// Some 500 bytes of memory each, and 3,500 bytes of a scrape's text.
inline constexpr std::size_t kMaxCardinality = 100'000;

// Below U+0020, or DEL.
[[nodiscard]] bool has_control_character(std::string_view text);
// Starts with '/' and can be the path of a request (RFC 3986 section 3.3): no space, control
// character, '?' or '#'.
[[nodiscard]] bool is_url_path(std::string_view text);
// An IPv4 or IPv6 address as inet_pton(3) reads it.
[[nodiscard]] bool is_ip_address(std::string_view text);

}  // namespace beyla::agent::config
