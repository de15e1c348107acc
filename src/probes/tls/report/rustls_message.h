// Where the content type stands in the messages that encrypt and decrypt are given: Rust promises
// no layout, so it is read off what the functions themselves read. Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "probes/native/argument_reads.h"

namespace beyla::probes::tls {

// The enum's tag, and behind it the byte of an unknown type, are the only bytes that are read one
// by one. Of what encrypt is given: behind a slice of 16 bytes (rustls 0.21, 0.22), or a list of
// chunks of 32 (0.23), of which the last word is read. nullopt: anything else.
[[nodiscard]] std::optional<std::uint32_t> sealed_type_place(const native::ArgumentReads& reads);
// Of what decrypt of TLS 1.2 is given: behind a slice (0.23), or a Vec of 24 bytes and the version.
[[nodiscard]] std::optional<std::uint32_t> opened_type_place(const native::ArgumentReads& reads);

}  // namespace beyla::probes::tls
