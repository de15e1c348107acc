// Names of packages that lie in a vendor folder: `k8s.io/x/vendor/google.golang.org/grpc`, in Go's
// own tree `vendor/golang.org/x/net/idna`.
#pragma once

#include <cstdint>
#include <string_view>

namespace beyla::probes::go {

enum class NameMatch : std::uint8_t { none, vendored, exact };

// `name`: of a package, or of something in one, as found; `wanted`: without a vendor folder.
[[nodiscard]] inline NameMatch match_name(std::string_view name, std::string_view wanted) {
  constexpr std::string_view kVendor = "vendor/";
  if (!name.ends_with(wanted)) return NameMatch::none;
  name.remove_suffix(wanted.size());
  if (name.empty()) return NameMatch::exact;
  if (!name.ends_with(kVendor)) return NameMatch::none;
  name.remove_suffix(kVendor.size());
  return name.empty() || name.ends_with('/') ? NameMatch::vendored : NameMatch::none;
}

}  // namespace beyla::probes::go
