// Instruction boundaries in 64-bit x86 code, and what the kernel does with a breakpoint on an
// instruction. Pure over the bytes given; any thread, each with its own decoder.
#pragma once

#include <Zydis/Decoder.h>

#include <cstdint>
#include <expected>
#include <span>

#include "probes/proof/refusal.h"

namespace beyla::probes::proof {

class InstructionDecoder {
 public:
  InstructionDecoder();
  // Bytes of the instruction that the code begins with; 0: none, or cut off.
  [[nodiscard]] std::size_t length(std::span<const std::byte> code) const;

 private:
  ZydisDecoder decoder_{};
};

// Decodes from the front of `code`, instruction by instruction, up to `point`; the length of the
// one that begins there. Refuses with undecodable or mid_instruction.
[[nodiscard]] std::expected<std::size_t, Refusal> sweep_to(const InstructionDecoder& decoder,
                                                           std::span<const std::byte> code,
                                                           std::size_t point);

// Bytes before a point that are asked whether it is a boundary.
inline constexpr std::size_t kNeighbourBytes = 192;

// Whether decoding from most of the bytes before `point` arrives there. Decoding x86 code from a
// wrong byte falls into step within a few instructions, so this finds the true boundaries without
// being told where any instruction begins. Without a byte that can be decoded: true.
[[nodiscard]] bool neighbours_agree(const InstructionDecoder& decoder,
                                    std::span<const std::byte> code, std::size_t point);

enum class Execution : std::uint8_t {
  emulated,        // within the breakpoint's trap
  emulated_call,   // likewise, but below Linux 6.18 not pushed to a shadow stack
  single_stepped,  // out of line, with a second trap: some ten times the time
  unsafe,          // neither is known to leave the target as it was
};
// REQUIRES: exactly one whole instruction.
[[nodiscard]] Execution execution_of(std::span<const std::byte> instruction);

}  // namespace beyla::probes::proof
