// HTTP/2 for the registry. Immutable; any thread.
#pragma once

#include "protocols/registry.h"

namespace beyla::protocols::http2 {

extern const ProtocolDescriptor kDescriptor;

}  // namespace beyla::protocols::http2
