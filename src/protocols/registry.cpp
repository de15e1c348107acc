#include "protocols/registry.h"

#include <array>

#include "protocols/http1/descriptor.h"

namespace beyla::protocols {

std::span<const ProtocolDescriptor* const> registry() {
  static constexpr std::array<const ProtocolDescriptor*, 1> kProtocols = {
      &http1::kDescriptor,
  };
  return kProtocols;
}

}  // namespace beyla::protocols
