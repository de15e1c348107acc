// HTTP/1.0 and HTTP/1.1 (RFC 9112) as an entry of the registry.
#pragma once

#include "protocols/registry.h"

namespace beyla::protocols::http1 {

extern const ProtocolDescriptor kDescriptor;

// Does a request begin here? For the detection and to find requests again after a gap.
[[nodiscard]] DetectResult detect_request(std::span<const std::byte> bytes);

}  // namespace beyla::protocols::http1
