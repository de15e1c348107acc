// Text from elsewhere (files, environments, other processes) made fit for a terminal, a log line or
// an error message. Pure, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace beyla::base {

enum class LineBreaks {
  escaped,
  kept,  // '\n' only
};

// What could move the cursor, begin a line, or hide or reorder what follows becomes \xNN, byte by
// byte: control characters (C0, DEL, C1), line separators, bidirectional controls (Unicode 15,
// section 23.2), and whatever is no UTF-8. At most max_bytes; what is cut ends in "…".
// Text that came out of it goes through unchanged. REQUIRES: max_bytes >= 3.
[[nodiscard]] std::string to_terminal_text(std::string_view raw, std::size_t max_bytes,
                                           LineBreaks line_breaks = LineBreaks::escaped);

}  // namespace beyla::base
