// What an operator wrote, as error messages repeat it: fit for a terminal, and not too much of it.
// Pure, any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/terminal_text.h"

namespace beyla::agent::config {

inline constexpr std::size_t kMaxShownBytes = 200;

[[nodiscard]] inline std::string shortened(std::string_view text) {
  return base::to_terminal_text(text, kMaxShownBytes);
}

[[nodiscard]] inline std::string quoted(std::string_view text) {
  return "`" + shortened(text) + "`";
}

}  // namespace beyla::agent::config
