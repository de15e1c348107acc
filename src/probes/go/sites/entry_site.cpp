#include "probes/go/sites/entry_site.h"

#include "probes/x86/code_reader.h"

namespace beyla::probes::go {
namespace {

using x86::CodeReader;
using x86::DecodedInstruction;

// MOVQ SP,R12; SUBQ; JCS; CMPQ; JBE, and NOPs that keep jumps from crossing 32 bytes.
constexpr int kPrologueInstructions = 12;
constexpr std::int64_t kStackguard0 = 16;  // runtime.g: stack.lo, stack.hi, stackguard0

bool is_register(const ZydisDecodedOperand& operand, ZydisRegister wanted) {
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.reg.value == wanted;
}

// R12 is what the check computes in; it holds no argument.
bool computes_in_r12(const DecodedInstruction& decoded) {
  const bool computes = decoded.is(ZYDIS_MNEMONIC_LEA) || decoded.is(ZYDIS_MNEMONIC_MOV) ||
                        decoded.is(ZYDIS_MNEMONIC_SUB);
  return computes && is_register(decoded.operands[0], ZYDIS_REGISTER_R12);
}

bool compares_with_the_guard(const DecodedInstruction& decoded) {
  const auto& guard = decoded.operands[1];
  const bool stack = is_register(decoded.operands[0], ZYDIS_REGISTER_RSP) ||
                     is_register(decoded.operands[0], ZYDIS_REGISTER_R12);
  return decoded.is(ZYDIS_MNEMONIC_CMP) && stack && guard.type == ZYDIS_OPERAND_TYPE_MEMORY &&
         guard.mem.base == ZYDIS_REGISTER_R14 && guard.mem.index == ZYDIS_REGISTER_NONE &&
         guard.mem.disp.value == kStackguard0;
}

}  // namespace

std::optional<std::size_t> find_entry_site(std::span<const std::byte> code) {
  const CodeReader reader(code);
  bool compared = false;
  std::size_t at = 0;
  for (int step = 0; step < kPrologueInstructions; ++step) {
    const auto decoded = reader.decode(at);
    if (!decoded) return std::nullopt;
    if (compared && decoded->is(ZYDIS_MNEMONIC_JBE)) return at;
    if (compares_with_the_guard(*decoded)) {
      compared = true;
    } else if (!decoded->is(ZYDIS_MNEMONIC_NOP) && !decoded->is(ZYDIS_MNEMONIC_JB) &&
               !computes_in_r12(*decoded)) {
      return std::nullopt;
    }
    at += decoded->head.length;
  }
  return std::nullopt;
}

}  // namespace beyla::probes::go
