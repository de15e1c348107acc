// Whom a client asked, taken apart. Pure, any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace beyla::exporters::console {

struct ServerName {
  std::string_view host;   // an IPv6 address without brackets
  std::uint16_t port = 0;  // 0: the name has none
};

// Of "host", "host:port", "[v6]", "[v6]:port" (RFC 3986 section 3.2.2, 3.2.3) and a bare "v6". What
// is none of these is all host. The host is a view of the name.
[[nodiscard]] ServerName split_server_name(std::string_view name);

}  // namespace beyla::exporters::console
