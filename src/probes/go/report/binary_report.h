// What the ELF worker says of one file.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "abi/go_report.h"

namespace beyla::probes::go {

// In: all bytes of an untrusted file. Out: the message as it is sent; a file that is not ours to
// probe, malformed or of another kind, has one, too. Pure function; may throw std::bad_alloc.
[[nodiscard]] abi::binary_report make_binary_report(std::span<const std::byte> file);

// Of a file that could not be read at all. `why`: as abi/go_report.h asks for the text.
[[nodiscard]] abi::binary_report make_refusal_report(std::string_view why);

}  // namespace beyla::probes::go
