#include "probes/go/sites/call_sites.h"

#include <algorithm>

#include "probes/x86/code_reader.h"

namespace beyla::probes::go {
namespace {

// Between the two calls: loads of the interface and of its method, arguments. Without a branch 11.
constexpr std::size_t kInstructionsBetween = 24;

using x86::CodeReader;
using x86::DecodedInstruction;
using x86::Flow;
using x86::Instruction;
using Instructions = std::vector<Instruction>;

std::vector<std::size_t> calls_of(const Instructions& all, std::int64_t callee) {
  std::vector<std::size_t> calls;
  for (std::size_t index = 0; index < all.size(); ++index) {
    if (all[index].flow == Flow::call && all[index].target == callee) calls.push_back(index);
  }
  return calls;
}

ZydisRegister whole(ZydisRegister part) {
  return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, part);
}

// Which registers hold the method, instruction by instruction.
class MethodRegisters {
 public:
  explicit MethodRegisters(std::int64_t method) : method_(method) {}

  [[nodiscard]] bool holds(ZydisRegister reg) const {
    return std::ranges::find(held_, reg) != held_.end();
  }

  void step(const DecodedInstruction& decoded) {
    const ZydisDecodedOperand& to = decoded.operands[0];
    const ZydisDecodedOperand& from = decoded.operands[1];
    const bool loads = decoded.is(ZYDIS_MNEMONIC_MOV) && to.type == ZYDIS_OPERAND_TYPE_REGISTER &&
                       to.size == 64 && is_method(from);
    for (const auto& operand : std::span(decoded.operands).first(decoded.head.operand_count)) {
      const bool writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
      if (writes && operand.type == ZYDIS_OPERAND_TYPE_REGISTER)
        std::erase(held_, whole(operand.reg.value));
    }
    if (loads) held_.push_back(to.reg.value);
  }

 private:
  [[nodiscard]] bool is_method(const ZydisDecodedOperand& from) const {
    if (from.type == ZYDIS_OPERAND_TYPE_REGISTER) return holds(from.reg.value);
    return from.type == ZYDIS_OPERAND_TYPE_MEMORY && from.mem.disp.value == method_ &&
           from.mem.index == ZYDIS_REGISTER_NONE && from.mem.base != ZYDIS_REGISTER_RSP &&
           from.mem.base != ZYDIS_REGISTER_RBP && from.mem.base != ZYDIS_REGISTER_RIP;
  }

  std::int64_t method_;
  std::vector<ZydisRegister> held_;
};

}  // namespace

std::vector<std::size_t> find_call_sites(std::span<const std::byte> code, std::int64_t callee) {
  const Instructions all = CodeReader(code).read_all();
  std::vector<std::size_t> sites;
  for (const std::size_t index : calls_of(all, callee)) sites.push_back(all[index].offset);
  return sites.size() <= kMaxCalls ? sites : std::vector<std::size_t>{};
}

bool calls_method_next(std::span<const std::byte> code, std::int64_t callee, std::int64_t method) {
  const CodeReader reader(code);
  const Instructions all = reader.read_all();
  const auto calls = calls_of(all, callee);
  if (calls.size() != 1) return false;
  MethodRegisters registers(method);
  const std::size_t begin = calls.front() + 1;
  for (std::size_t index = begin; index < std::min(all.size(), begin + kInstructionsBetween);
       ++index) {
    const auto decoded = reader.decode(all[index].offset);
    if (!decoded) return false;
    if (all[index].flow == Flow::call) {
      const ZydisDecodedOperand& target = decoded->operands[0];
      return target.type == ZYDIS_OPERAND_TYPE_REGISTER && registers.holds(target.reg.value);
    }
    if (all[index].flow != Flow::next) return false;
    registers.step(*decoded);
  }
  return false;
}

}  // namespace beyla::probes::go
