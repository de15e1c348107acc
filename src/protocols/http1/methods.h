// The methods that RFC 9110 §9.3 and RFC 5789 define. Immutable; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>

namespace beyla::protocols::http1 {

inline constexpr std::string_view kOtherMethod = "_OTHER";  // OpenTelemetry http.request.method
inline constexpr std::array<std::string_view, 9> kMethods = {
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"};

// A view of static text.
[[nodiscard]] inline std::string_view operation_of(std::string_view method) {
  const auto* found = std::ranges::find(kMethods, method);
  return found == kMethods.end() ? kOtherMethod : *found;
}

[[nodiscard]] inline bool begins_method(std::string_view text) {
  return std::ranges::any_of(kMethods,
                             [text](std::string_view method) { return method.starts_with(text); });
}

}  // namespace beyla::protocols::http1
