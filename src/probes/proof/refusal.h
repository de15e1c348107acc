// Why a probe point was not used, and how often. RefusalCounts: any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/counter.h"

namespace beyla::probes::proof {

enum class Refusal : std::uint8_t {
  malformed_message,         // the worker's list is none; counted once a message
  unsupported_architecture,  // beyla was built for a processor whose code it cannot decode
  not_a_regular_file,
  not_elf64,         // no ELF file with 64-bit x86 code
  unreadable_maps,   // /proc/PID/maps could not be read, or goes on for too long
  not_executable,    // no executable mapping of this very file covers symbol and point
  symbol_too_large,  // or empty
  outside_symbol,
  too_deep,         // further into the symbol than is decoded
  unreadable_file,  // shorter than said, or changing while it is read
  bytes_differ,     // from those that the worker analysed
  undecodable,      // a byte before the point, or at it, begins no instruction
  mid_instruction,
  doubtful_boundary,   // the bytes before it, decoded from elsewhere, deny the boundary
  unsafe_instruction,  // the kernel refuses it, harms the target, or is not known to do neither
  not_emulated,        // would be single-stepped, and this probe must not be
};
inline constexpr std::size_t kRefusals = static_cast<std::size_t>(Refusal::not_emulated) + 1;

// Values of the label `reason` of beyla_probes_skipped_total, in the same order.
inline constexpr std::array<std::string_view, kRefusals> kReasonNames{
    "malformed_message", "unsupported_architecture", "not_a_regular_file", "not_elf64",
    "unreadable_maps",   "not_executable",           "symbol_too_large",   "outside_symbol",
    "too_deep",          "unreadable_file",          "bytes_differ",       "undecodable",
    "mid_instruction",   "doubtful_boundary",        "unsafe_instruction", "not_emulated"};
[[nodiscard]] constexpr std::string_view reason_name(Refusal refusal) {
  return kReasonNames[static_cast<std::size_t>(refusal)];
}

class RefusalCounts {
 public:
  void add(Refusal refusal) { counts_[static_cast<std::size_t>(refusal)].add(); }
  [[nodiscard]] std::uint64_t value(Refusal refusal) const {
    return counts_[static_cast<std::size_t>(refusal)].value();
  }

 private:
  std::array<base::Counter, kRefusals> counts_;
};

}  // namespace beyla::probes::proof
