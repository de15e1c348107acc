#include "probes/native/function_code.h"

#include <span>

#include "probes/native/effect.h"

namespace beyla::probes::native {
namespace {

std::span<const ZydisDecodedOperand> operands_of(const x86::DecodedInstruction& decoded) {
  return std::span(decoded.operands).first(decoded.head.operand_count);
}

std::uint16_t register_bit(ZydisRegister part) {
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, part);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return 0;
  return bit_of(static_cast<unsigned>(whole - ZYDIS_REGISTER_RAX));
}

// XOR of a register with itself reads nothing that counts.
bool clears(const x86::DecodedInstruction& decoded) {
  return decoded.is(ZYDIS_MNEMONIC_XOR) &&
         decoded.operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
         decoded.operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
         decoded.operands[0].reg.value == decoded.operands[1].reg.value;
}

std::uint16_t registers_read(const x86::DecodedInstruction& decoded) {
  if (clears(decoded)) return 0;
  unsigned bits = 0;
  for (const ZydisDecodedOperand& operand : operands_of(decoded)) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY) {
      bits |= register_bit(operand.mem.base) | register_bit(operand.mem.index);
    } else if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
               (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0) {
      bits |= register_bit(operand.reg.value);
    }
  }
  return static_cast<std::uint16_t>(bits);
}

bool stores_elsewhere(const x86::DecodedInstruction& decoded) {
  for (const ZydisDecodedOperand& operand : operands_of(decoded)) {
    if (operand.type == ZYDIS_OPERAND_TYPE_MEMORY &&
        (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 &&
        operand.mem.base != ZYDIS_REGISTER_RSP) {
      return true;
    }
  }
  return false;
}

std::optional<Constant> constant_of(const x86::DecodedInstruction& decoded) {
  const ZydisDecodedOperand& to = decoded.operands[0];
  const ZydisDecodedOperand& from = decoded.operands[1];
  if (to.type != ZYDIS_OPERAND_TYPE_REGISTER) return std::nullopt;
  const ZydisRegister whole =
      ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, to.reg.value);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return std::nullopt;
  const auto number = static_cast<unsigned>(whole - ZYDIS_REGISTER_RAX);
  if (clears(decoded)) return Constant{.number = number, .value = 0};
  if (!decoded.is(ZYDIS_MNEMONIC_MOV) || from.type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
    return std::nullopt;
  }
  return Constant{.number = number, .value = from.imm.value.u};
}

bool decrements(const x86::DecodedInstruction& decoded) {
  if ((decoded.head.attributes & ZYDIS_ATTRIB_HAS_LOCK) == 0) return false;
  return decoded.is(ZYDIS_MNEMONIC_XADD) || decoded.is(ZYDIS_MNEMONIC_SUB) ||
         decoded.is(ZYDIS_MNEMONIC_DEC) || decoded.is(ZYDIS_MNEMONIC_ADD);
}

std::optional<std::uint64_t> address_of_lea(const CodeLine& line,
                                            const x86::DecodedInstruction& decoded) {
  const ZydisDecodedOperand& from = decoded.operands[1];
  if (!decoded.is(ZYDIS_MNEMONIC_LEA) || from.mem.base != ZYDIS_REGISTER_RIP) return std::nullopt;
  return line.end() + static_cast<std::uint64_t>(from.mem.disp.value);
}

CodeLine line_of(const x86::Instruction& found, const x86::DecodedInstruction& decoded,
                 std::uint64_t begin) {
  CodeLine line{.address = begin + found.offset,
                .bytes = static_cast<std::uint32_t>(found.length),
                .flow = found.flow,
                .target = {},
                .refers_to = {},
                .constant = constant_of(decoded)};
  if (found.target) line.target = begin + static_cast<std::uint64_t>(*found.target);
  line.refers_to = address_of_lea(line, decoded);
  line.written = effect_of(decoded).written;
  line.read = registers_read(decoded);
  line.stores = !line.is_call() && stores_elsewhere(decoded);
  line.decrements = decrements(decoded);
  return line;
}

}  // namespace

std::vector<CodeLine> read_function_code(const elf::ElfFile& elf, const elf::FunctionRange& range) {
  if (range.bytes > kMaxFunctionCodeBytes || !elf.is_code(range.address, range.bytes)) return {};
  const auto code = elf.bytes_at(range.address, range.bytes);
  const x86::CodeReader reader(code);
  std::vector<CodeLine> lines;
  for (std::size_t at = 0; at < code.size();) {
    const auto found = reader.read(at);
    const auto decoded = reader.decode(at);
    if (!found || !decoded) return {};
    lines.push_back(line_of(*found, *decoded, range.address));
    at = found->end();
  }
  return lines;
}

}  // namespace beyla::probes::native
