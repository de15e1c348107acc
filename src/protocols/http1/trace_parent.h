// The value of a `traceparent` header, https://www.w3.org/TR/trace-context/#traceparent-header.
// Pure function, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "model/trace.h"

namespace beyla::protocols::http1 {

// Version 00 and nothing else: lower-case hex, no id of zeros.
[[nodiscard]] std::optional<model::TraceParent> parse_trace_parent(std::string_view value);

}  // namespace beyla::protocols::http1
