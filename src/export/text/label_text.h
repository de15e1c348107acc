// Text from elsewhere (environments, the network) made fit to be a label's value. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace beyla::exporters::text {

// What discovery reads of OTEL_SERVICE_NAME, the longest label we have; with replacements 3 times.
inline constexpr std::size_t kMaxLabelBytes = 255;

// Well-formed UTF-8, made of the first kMaxLabelBytes of raw at most, cut between code points.
// Each byte that is no UTF-8 becomes U+FFFD: two names that differ in such bytes only are one.
[[nodiscard]] std::string to_label_text(std::string_view raw);

// In bytes, of what to_label_text() returns: a replacement has 3 for one.
inline constexpr std::size_t kMaxLabelTextBytes = 3 * kMaxLabelBytes;

// Whether to_label_text() returns this for some raw text.
[[nodiscard]] bool is_label_text(std::string_view text);

}  // namespace beyla::exporters::text
