// What the texts of a call mean. Pure functions, any thread; views are of the input, or static.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/function_call.h"

namespace beyla::protocols::calls {

// HTTP: the path without query, userinfo and fragment, cut as the parser of HTTP/1 does.
[[nodiscard]] std::string_view path_in(std::string_view target);

// A handler that set none has answered 200 (net/http, since Go 1). What no status can be is
// none: empty.
[[nodiscard]] std::string status_text(std::uint32_t status);

// Whom a client asks, without userinfo.
[[nodiscard]] std::string_view server_in(std::string_view name);

// Of kind trace_parent: the value of that header, a view; empty: there is none.
[[nodiscard]] std::string_view trace_parent_in(const model::FunctionCall& call);

// The same call without what may be a secret: for recordings.
[[nodiscard]] model::FunctionCall without_secrets(const model::FunctionCall& call);

}  // namespace beyla::protocols::calls
