// What the ELF worker says of a file that has rustls in it, see docs/design/0022. In: an untrusted
// file. Pure function over it; may throw std::bad_alloc.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "abi/go_report.h"

namespace beyla::probes::tls {

// nullopt: nothing tells of rustls. kBinaryOther with a text: it is there, and cannot be probed:
// "rustls_no_symbols", "rustls_unknown_layout" (of a message), "rustls_no_sites".
[[nodiscard]] std::optional<abi::binary_report> make_rustls_report(std::span<const std::byte> file);

}  // namespace beyla::probes::tls
