#include "probes/x86/code_reader.h"

#include <algorithm>

namespace beyla::probes::x86 {
namespace {

Flow flow_of(const ZydisDecodedInstruction& head, bool has_target) {
  switch (head.mnemonic) {
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_UD2: return Flow::stop;
    default: break;
  }
  switch (head.meta.category) {
    case ZYDIS_CATEGORY_CALL: return Flow::call;
    case ZYDIS_CATEGORY_COND_BR: return Flow::branch;
    case ZYDIS_CATEGORY_UNCOND_BR: return has_target ? Flow::jump : Flow::indirect_jump;
    case ZYDIS_CATEGORY_RET: return Flow::leave;
    default: return Flow::next;
  }
}

}  // namespace

CodeReader::CodeReader(std::span<const std::byte> code) : code_(code) {
  ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

std::optional<Instruction> CodeReader::read(std::size_t offset) const {
  if (offset >= code_.size()) return std::nullopt;
  const auto rest = code_.subspan(offset);
  ZydisDecodedInstruction head;
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
          &decoder_, nullptr, rest.data(),
          std::min<std::size_t>(rest.size(), ZYDIS_MAX_INSTRUCTION_LENGTH), &head))) {
    return std::nullopt;
  }
  Instruction instruction{.offset = offset, .length = head.length, .flow = {}, .target = {}};
  if (head.raw.imm[0].is_relative) {
    instruction.target = static_cast<std::int64_t>(instruction.end()) + head.raw.imm[0].value.s;
  }
  instruction.flow = flow_of(head, instruction.target.has_value());
  return instruction;
}

std::optional<DecodedInstruction> CodeReader::decode(std::size_t offset) const {
  if (offset >= code_.size()) return std::nullopt;
  const auto rest = code_.subspan(offset);
  DecodedInstruction decoded;
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(
          &decoder_, rest.data(), std::min<std::size_t>(rest.size(), ZYDIS_MAX_INSTRUCTION_LENGTH),
          &decoded.head, decoded.operands))) {
    return std::nullopt;
  }
  return decoded;
}

std::vector<Instruction> CodeReader::read_all() const {
  std::vector<Instruction> all;
  for (std::size_t at = 0; at < code_.size(); at = all.back().end()) {
    const auto instruction = read(at);
    if (!instruction || all.size() == kMaxReadInstructions) return {};
    all.push_back(*instruction);
  }
  return all;
}

bool CodeReader::calls(std::int64_t target) const {
  const auto all = read_all();
  return std::ranges::any_of(all, [&](const Instruction& instruction) {
    return instruction.flow == Flow::call && instruction.target == target;
  });
}

}  // namespace beyla::probes::x86
