// Durations as operators write them. Pure, any thread.
#pragma once

#include <chrono>
#include <string_view>

#include "base/result.h"

namespace beyla::agent::config {

// Go's notation (https://pkg.go.dev/time#ParseDuration) without a sign: numbers with a unit, one
// after the other, as in `5m`, `1h30m`, `1.5s`, `500ms`; units are h, m, s, ms, us or µs, ns. A
// bare `0` is allowed. Fractions below a nanosecond are cut off.
// Errors are invalid_argument and quote the text.
[[nodiscard]] base::Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace beyla::agent::config
