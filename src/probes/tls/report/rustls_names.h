// Which of rustls' functions get probes, by their mangled names: MessageEncrypter::encrypt and
// MessageDecrypter::decrypt of whatever cipher. Called by pointer, they stay functions of their own
// even where everything else is optimised into its callers. Pure function, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace beyla::probes::tls {

enum class RustlsFunction : std::uint8_t { seal, open12, open13 };

// Both manglings: legacy (`_ZN`) and v0 (`_R`, rustc's RFC 2603). nullopt: another function, the
// placeholder that fails always, or a decrypter whose name does not tell its version of TLS.
[[nodiscard]] std::optional<RustlsFunction> rustls_function_of(std::string_view name);

}  // namespace beyla::probes::tls
