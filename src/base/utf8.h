// Well-formed UTF-8 at the start of a text (Unicode 15, table 3-7). Pure, any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace beyla::base {

// Bytes of the first code point: 1 to 4; 0 where the text is empty or does not begin well-formed.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

}  // namespace beyla::base
