// With which numbers a function of OpenSSL or BoringSSL says that something went wrong: the
// arguments of the call that names the source file. Pure function; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "probes/tls/report/library_code.h"

namespace beyla::probes::tls {

// First arguments of that call; nullopt: not set to a number nearby.
struct ErrorSite {
  std::optional<std::uint64_t> first;
  std::optional<std::uint64_t> second;
  std::optional<std::uint64_t> third;
};

// `line`: the one that names the file. Looks from the call before to the call after it, and
// follows jumps within the function.
[[nodiscard]] ErrorSite error_site_at(const KnownFunction& function, std::size_t line);

}  // namespace beyla::probes::tls
