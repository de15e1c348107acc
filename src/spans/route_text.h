// The route as its framework spells it, for http.route. Pure function, any thread.
#pragma once

#include <string_view>

namespace beyla::spans {

inline constexpr std::size_t kMaxRouteBytes = 512;  // ours

// net/http.ServeMux patterns are "[METHOD ][HOST]/[PATH]" (Go >= 1.22): method and host are left
// out, and wildcards stay, also "{$}". Empty: it names no path, or is too long. A view of
// `pattern`.
[[nodiscard]] std::string_view route_in(std::string_view pattern);

}  // namespace beyla::spans
