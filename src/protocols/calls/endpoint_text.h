// "192.0.2.1:80" or "[2001:db8::1%eth0]:80", as Go writes a net.Addr. Pure function, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "model/connection.h"

namespace beyla::protocols::calls {

// Names of hosts are none; the zone is left out. nullopt: no address with a port.
[[nodiscard]] std::optional<model::Endpoint> parse_endpoint(std::string_view text);

}  // namespace beyla::protocols::calls
