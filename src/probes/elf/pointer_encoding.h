// Pointers and numbers as .eh_frame writes them: LSB Core 5.0 §10.5 (DW_EH_PE_*), DWARF 5 §7.6
// (LEB128). In: untrusted bytes. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/byte_reader.h"

namespace beyla::probes::elf {

// nullopt: cut, or of more than 64 bits.
[[nodiscard]] std::optional<std::uint64_t> read_uleb128(base::ByteReader& reader);

// How one is written: its low half says the format, the other what it is relative to.
class PointerEncoding {
 public:
  constexpr explicit PointerEncoding(std::uint8_t code = 0) : code_(code) {}

  // Absolute, or relative to where it stands: what compilers write for code on x86-64.
  [[nodiscard]] bool is_known() const;
  // `place`: the address of the reader's position.
  [[nodiscard]] std::optional<std::uint64_t> read_pointer(base::ByteReader& reader,
                                                          std::uint64_t place) const;
  // The same format, relative to nothing.
  [[nodiscard]] std::optional<std::uint64_t> read_number(base::ByteReader& reader) const;

 private:
  std::uint8_t code_;
};

}  // namespace beyla::probes::elf
