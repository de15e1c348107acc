// The `traceparent` of an HTTP/1 request, in what a server has read up to the end of its head: the
// bytes before the head may be another request, or a body. Pure function, any thread.
#pragma once

#include <string_view>

namespace beyla::protocols::calls {

// Its value, a view of the text. Empty: there is none, there are several, the text does not hold
// the whole head, or it cannot be told where the head begins.
[[nodiscard]] std::string_view trace_parent_in_head(std::string_view text);

}  // namespace beyla::protocols::calls
