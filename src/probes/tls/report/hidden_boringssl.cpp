#include "probes/tls/report/hidden_library.h"

namespace beyla::probes::tls {
std::expected<HiddenFunctions, HiddenRefusal> find_hidden_boringssl(
    LibraryCode& /*code*/, std::span<const std::uint64_t> /*paths*/) {
  return std::unexpected(HiddenRefusal("hidden.boringssl"));
}
}  // namespace beyla::probes::tls
