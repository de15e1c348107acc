// What the ELF worker says of a file that has functions of a TLS library: the library itself, or
// whatever it was linked into. In: an untrusted file. Pure function over it; may throw
// std::bad_alloc.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "abi/go_report.h"

namespace beyla::probes::tls {

// nullopt: it defines no such function by name and shows no sign of a library without names, or is
// no file with x86-64 code. One that has a library and no points all the same is kBinaryTlsUnseen,
// with the text "no_tls_sites", or why its functions were not found.
[[nodiscard]] std::optional<abi::binary_report> make_tls_report(std::span<const std::byte> file);

}  // namespace beyla::probes::tls
