#include "protocols/registry.h"

#include <array>

#include "protocols/http1/descriptor.h"
#include "protocols/http2/descriptor.h"

namespace beyla::protocols {

std::span<const ProtocolDescriptor* const> registry() {
  static constexpr std::array<const ProtocolDescriptor*, 2> kProtocols = {
      &http1::kDescriptor,
      &http2::kDescriptor,
  };
  return kProtocols;
}

const model::FrameWalk* framing() {
  for (const ProtocolDescriptor* protocol : registry()) {
    if (protocol->framing != nullptr) return protocol->framing;
  }
  return nullptr;
}

}  // namespace beyla::protocols
