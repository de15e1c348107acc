#include "probes/native/effect.h"

#include <span>

namespace beyla::probes::native {
namespace {

constexpr std::uint16_t kAllRegisters = 0xffff;
constexpr std::int64_t kCanaryOffset = 0x28;
constexpr std::int32_t kWordBytes = 8;

std::span<const ZydisDecodedOperand> operands_of(const x86::DecodedInstruction& decoded) {
  return std::span(decoded.operands).first(decoded.head.operand_count);
}

// By number; nullopt: not a general purpose register.
std::optional<std::uint8_t> number_of(ZydisRegister part) {
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, part);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return std::nullopt;
  return static_cast<std::uint8_t>(whole - ZYDIS_REGISTER_RAX);
}

bool is_register(const ZydisDecodedOperand& operand, ZydisRegister wanted) {
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.reg.value == wanted;
}

bool is_immediate(const ZydisDecodedOperand& operand) {
  return operand.type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
}

// Those of prologues and epilogues; nullopt: any other that writes RSP.
std::optional<std::int32_t> stack_growth(const x86::DecodedInstruction& decoded) {
  const auto& operands = decoded.operands;
  const bool is_word = decoded.head.operand_width == 64;
  switch (decoded.head.mnemonic) {
    case ZYDIS_MNEMONIC_PUSH: return is_word ? std::optional(kWordBytes) : std::nullopt;
    case ZYDIS_MNEMONIC_POP:
      return is_word && !is_register(operands[0], ZYDIS_REGISTER_RSP) ? std::optional(-kWordBytes)
                                                                      : std::nullopt;
    case ZYDIS_MNEMONIC_SUB:
    case ZYDIS_MNEMONIC_ADD: {
      if (!is_register(operands[0], ZYDIS_REGISTER_RSP) || !is_immediate(operands[1])) break;
      const auto bytes = static_cast<std::int32_t>(operands[1].imm.value.s);
      return decoded.is(ZYDIS_MNEMONIC_SUB) ? bytes : -bytes;
    }
    default: break;
  }
  return std::nullopt;
}

// The kernel, or what is called, may write more than the instruction itself.
bool runs_other_code(const ZydisDecodedInstruction& head) {
  switch (head.meta.category) {
    case ZYDIS_CATEGORY_CALL:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_INTERRUPT: return true;
    default: return false;
  }
}

}  // namespace

Effect effect_of(const x86::DecodedInstruction& decoded) {
  Effect effect;
  effect.is_push =
      decoded.is(ZYDIS_MNEMONIC_PUSH) && decoded.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER;
  if (effect.is_push) effect.pushed = number_of(decoded.operands[0].reg.value).value_or(0);
  for (const ZydisDecodedOperand& operand : operands_of(decoded)) {
    if ((operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER) {
      const auto number = number_of(operand.reg.value);
      if (number) effect.written = static_cast<std::uint16_t>(effect.written | 1U << *number);
    } else if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && !decoded.is(ZYDIS_MNEMONIC_PUSH)) {
      effect.stores = true;
    }
  }
  constexpr unsigned kRsp = 4;
  if ((effect.written >> kRsp & 1) != 0) effect.stack_bytes = stack_growth(decoded);
  if (runs_other_code(decoded.head)) effect = {.written = kAllRegisters, .stores = true};
  return effect;
}

bool checks_canary(const x86::DecodedInstruction& decoded) {
  const bool compares = decoded.is(ZYDIS_MNEMONIC_SUB) || decoded.is(ZYDIS_MNEMONIC_XOR) ||
                        decoded.is(ZYDIS_MNEMONIC_CMP);
  if (!compares) return false;
  for (const ZydisDecodedOperand& operand : operands_of(decoded)) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY && operand.mem.segment == ZYDIS_REGISTER_FS &&
        operand.mem.base == ZYDIS_REGISTER_NONE && operand.mem.index == ZYDIS_REGISTER_NONE &&
        operand.mem.disp.value == kCanaryOffset) {
      return true;
    }
  }
  return false;
}

}  // namespace beyla::probes::native
