#include "probes/proof/instruction.h"

#include <algorithm>
#include <array>

namespace beyla::probes::proof {

InstructionDecoder::InstructionDecoder() {
  ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  ZydisDecoderEnableMode(&decoder_, ZYDIS_DECODER_MODE_MINIMAL, ZYAN_TRUE);
}

std::size_t InstructionDecoder::length(std::span<const std::byte> code) const {
  ZydisDecodedInstruction instruction;
  const bool decoded = ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
      &decoder_, nullptr, code.data(),
      std::min<std::size_t>(code.size(), ZYDIS_MAX_INSTRUCTION_LENGTH), &instruction));
  return decoded ? instruction.length : 0;
}

std::expected<std::size_t, Refusal> sweep_to(const InstructionDecoder& decoder,
                                             std::span<const std::byte> code, std::size_t point) {
  for (std::size_t at = 0; at <= point;) {
    const std::size_t length = decoder.length(code.subspan(at));
    if (length == 0) return std::unexpected(Refusal::undecodable);
    if (at == point) return length;
    at += length;
  }
  return std::unexpected(Refusal::mid_instruction);
}

bool neighbours_agree(const InstructionDecoder& decoder, std::span<const std::byte> code,
                      std::size_t point) {
  enum class Way : std::uint8_t { nowhere, arrives, passes };
  std::array<Way, kNeighbourBytes + 1> ways{};  // by distance to the point
  ways[0] = Way::arrives;
  std::size_t arriving = 0;
  std::size_t passing = 0;
  for (std::size_t distance = 1; distance <= std::min(point, kNeighbourBytes); ++distance) {
    const std::size_t length = decoder.length(code.subspan(point - distance));
    if (length == 0) continue;
    ways[distance] = length > distance ? Way::passes : ways[distance - length];
    if (ways[distance] == Way::arrives) ++arriving;
    if (ways[distance] == Way::passes) ++passing;
  }
  return arriving >= passing;
}

namespace {

// Opcodes that single-stepping out of line leaves as they are, without a prefix other than REX: the
// plain register and memory forms of arithmetic, test, mov and lea, and the near return. Relative
// addresses in them are moved by riprel_analyze(). All else may go wrong: PUSHF stores the trap
// flag of the stepping for a later POPF (measured on 6.18), XBEGIN takes a relative address that is
// not moved, a repeated string instruction hits the probe once a round.
bool steps_harmlessly(std::span<const std::uint8_t> code) {
  switch (code[0]) {
    case 0x01:
    case 0x03:
    case 0x09:
    case 0x0b:
    case 0x21:
    case 0x23:
    case 0x29:
    case 0x2b:
    case 0x31:
    case 0x33:
    case 0x39:
    case 0x3b:
    case 0x63:
    case 0x81:
    case 0x83:
    case 0x84:
    case 0x85:
    case 0x89:
    case 0x8b:
    case 0x8d:
    case 0xc3: return true;
    case 0xc7: return (code[1] & 0x38) == 0;  // MOV; /7 is XBEGIN
    default: return code[0] >= 0xb8 && code[0] <= 0xbf;
  }
}

}  // namespace

// The facts are those of arch/x86/kernel/uprobes.c in Linux 6.1.192 and 6.12.117, whose tables are
// the same. It would emulate more, which is left out because
//  - a NOP of five bytes becomes a CALL in 6.18, and its return address overwrites the red zone
//    (measured); below 6.18 the long NOPs are single-stepped;
//  - 41 90 is XCHG, but taken for a NOP (measured on 6.18); the other prefixes of 90 have no use;
//  - a branch with prefix 66 is refused by the kernel.
Execution execution_of(std::span<const std::byte> instruction) {
  std::array<std::uint8_t, ZYDIS_MAX_INSTRUCTION_LENGTH> code{};
  const std::size_t length = std::min(instruction.size(), code.size());
  std::ranges::transform(instruction.first(length), code.begin(),
                         [](std::byte byte) { return static_cast<std::uint8_t>(byte); });
  const auto within = [](std::uint8_t byte, std::uint8_t first, std::uint8_t last) {
    return byte >= first && byte <= last;
  };
  // push_setup_xol_ops: PUSH of a register, alone or after REX.B.
  if (length == 1 && within(code[0], 0x50, 0x57)) return Execution::emulated;
  if (length == 2 && code[0] == 0x41 && within(code[1], 0x50, 0x57)) return Execution::emulated;
  // branch_setup_xol_ops: NOP, JMP and Jcc, with 8 and 32 bits of distance.
  if (length == 1 && code[0] == 0x90) return Execution::emulated;
  if (length == 2 && (code[0] == 0xeb || within(code[0], 0x70, 0x7f))) return Execution::emulated;
  if (length == 5 && code[0] == 0xe9) return Execution::emulated;
  // branch_emulate_op does not push it to a shadow stack before 6.18.
  if (length == 5 && code[0] == 0xe8) return Execution::emulated_call;
  if (length == 6 && code[0] == 0x0f && within(code[1], 0x80, 0x8f)) return Execution::emulated;

  constexpr std::array<std::uint8_t, 4> kEndbr64{0xf3, 0x0f, 0x1e, 0xfa};
  if (length == 4 && std::ranges::equal(kEndbr64, std::span(code).first(4))) {
    return Execution::single_stepped;
  }
  const bool rex = within(code[0], 0x40, 0x4f);
  return steps_harmlessly(std::span(code).subspan(rex ? 1 : 0)) ? Execution::single_stepped
                                                                : Execution::unsafe;
}

}  // namespace beyla::probes::proof
