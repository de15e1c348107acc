#include "spans/route_text.h"

namespace beyla::spans {

std::string_view route_in(std::string_view pattern) {
  const auto path = pattern.find('/');
  if (path == std::string_view::npos) return {};
  // "{name:a/b}" is no host: what stands before the path has no wildcards.
  if (pattern.substr(0, path).contains('{')) return {};
  const std::string_view route = pattern.substr(path);
  return route.size() > kMaxRouteBytes ? std::string_view{} : route;
}

}  // namespace beyla::spans
