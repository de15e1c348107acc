#include "probes/native/argument_reads.h"

#include <bitset>
#include <optional>

#include "probes/x86/code_reader.h"

namespace beyla::probes::native {
namespace {

constexpr unsigned kRdx = 2;  // by its number in the encoding
constexpr unsigned kRegisters = 16;

// The general purpose registers that hold the argument, or have held it on some way.
using Holders = std::bitset<kRegisters>;

std::optional<unsigned> number_of(ZydisRegister part) {
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, part);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return std::nullopt;
  return static_cast<unsigned>(whole - ZYDIS_REGISTER_RAX);
}

bool is_held(const Holders& holders, ZydisRegister part) {
  const auto number = number_of(part);
  return number && holders.test(*number);
}

std::span<const ZydisDecodedOperand> operands_of(const x86::DecodedInstruction& decoded) {
  return std::span(decoded.operands).first(decoded.head.operand_count);
}

void add_read(ArgumentReads& reads, const Holders& holders, const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type != ZYDIS_MEMOP_TYPE_MEM) return;
  const bool is_read = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
  if (!is_read || !is_held(holders, operand.mem.base)) return;
  if (operand.mem.index != ZYDIS_REGISTER_NONE) {
    reads.others = true;
  } else if (operand.size == 8) {
    reads.bytes.insert(operand.mem.disp.value);
  } else if (operand.size == 64) {
    reads.words.insert(operand.mem.disp.value);
  }
}

bool copies_argument(const x86::DecodedInstruction& decoded, const Holders& holders) {
  const auto& from = decoded.operands[1];
  return decoded.is(ZYDIS_MNEMONIC_MOV) &&
         decoded.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
         from.type == ZYDIS_OPERAND_TYPE_REGISTER && from.size == 64 &&
         is_held(holders, from.reg.value);
}

void follow(Holders& holders, const x86::DecodedInstruction& decoded) {
  const bool copies = copies_argument(decoded, holders);
  for (const ZydisDecodedOperand& operand : operands_of(decoded)) {
    const bool is_written = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    if (operand.type != ZYDIS_OPERAND_TYPE_REGISTER || !is_written) continue;
    if (const auto number = number_of(operand.reg.value)) holders.reset(*number);
  }
  if (!copies) return;
  if (const auto number = number_of(decoded.operands[0].reg.value)) holders.set(*number);
}

}  // namespace

// From the first byte to the last, whatever the jumps: compilers keep an argument in one register
// for good. What a call leaves in registers is read by nobody before it is written.
void add_third_argument_reads(ArgumentReads& reads, std::span<const std::byte> code) {
  const x86::CodeReader reader(code);
  Holders holders;
  holders.set(kRdx);
  for (std::size_t at = 0; at < code.size();) {
    const auto decoded = reader.decode(at);
    if (!decoded) return;
    for (const auto& operand : operands_of(*decoded)) add_read(reads, holders, operand);
    follow(holders, *decoded);
    at += decoded->head.length;
  }
}

}  // namespace beyla::probes::native
