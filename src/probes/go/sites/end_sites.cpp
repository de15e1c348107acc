#include "probes/go/sites/end_sites.h"

#include <algorithm>

#include "probes/x86/code_reader.h"

namespace beyla::probes::go {
namespace {

// Between a call and the jump that asks for its error: NOPs, stores of results, the test.
constexpr int kInstructionsBehindCall = 12;

using x86::CodeReader;
using x86::DecodedInstruction;
using x86::Flow;
using x86::Instruction;
using Instructions = std::vector<Instruction>;

struct AnswerJump {
  std::size_t index = 0;    // of the jump
  bool jumps_away = false;  // without an error: to its target, else to the next instruction
};

bool is_result(ZydisRegister touched) {
  switch (ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, touched)) {
    case ZYDIS_REGISTER_RAX:
    case ZYDIS_REGISTER_RBX:
    case ZYDIS_REGISTER_RCX: return true;
    default: return false;
  }
}

bool writes_results(const DecodedInstruction& decoded) {
  return std::ranges::any_of(std::span(decoded.operands).first(decoded.head.operand_count),
                             [](const ZydisDecodedOperand& operand) {
                               return operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
                                      (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0 &&
                                      is_result(operand.reg.value);
                             });
}

bool tests_the_error(const DecodedInstruction& decoded) {
  const auto is_rbx = [](const ZydisDecodedOperand& operand) {
    return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.reg.value == ZYDIS_REGISTER_RBX;
  };
  return decoded.is(ZYDIS_MNEMONIC_TEST) && is_rbx(decoded.operands[0]) &&
         is_rbx(decoded.operands[1]);
}

bool writes_flags(const DecodedInstruction& decoded) {
  return decoded.head.cpu_flags != nullptr && decoded.head.cpu_flags->modified != 0;
}

std::optional<AnswerJump> answer_jump_behind(const CodeReader& reader, const Instructions& all,
                                             std::size_t call) {
  bool tested = false;
  for (std::size_t index = call + 1;
       index < std::min(all.size(), call + 1 + kInstructionsBehindCall); ++index) {
    const auto decoded = reader.decode(all[index].offset);
    if (!decoded) return std::nullopt;
    if (all[index].flow == Flow::branch) {
      const bool if_zero = decoded->is(ZYDIS_MNEMONIC_JZ);
      if (!tested || (!if_zero && !decoded->is(ZYDIS_MNEMONIC_JNZ))) return std::nullopt;
      return AnswerJump{index, if_zero};
    }
    if (all[index].flow != Flow::next || writes_results(*decoded)) return std::nullopt;
    if (tests_the_error(*decoded)) {
      tested = true;
    } else if (writes_flags(*decoded)) {
      tested = false;
    }
  }
  return std::nullopt;
}

class Ways {
 public:
  explicit Ways(const Instructions& all) : all_(all) {}

  // By index: whether a way leads there from `begin`. `without`: the jump, one of whose two ways is
  // not taken. nullopt: somewhere it cannot be told where to.
  [[nodiscard]] std::optional<std::vector<bool>> from(std::size_t begin,
                                                      std::optional<AnswerJump> without) const {
    std::vector<bool> reached(all_.size());
    std::vector<std::size_t> open{begin};
    while (!open.empty()) {
      const std::size_t index = open.back();
      open.pop_back();
      if (reached[index]) continue;
      reached[index] = true;
      const Instruction& here = all_[index];
      const bool is_cut = without && without->index == index;
      if (here.flow == Flow::indirect_jump) return std::nullopt;
      if ((here.flow == Flow::branch || here.flow == Flow::jump) &&
          !(is_cut && without->jumps_away)) {
        const auto target = index_of(here.target.value_or(-1));
        if (!target) return std::nullopt;
        open.push_back(*target);
      }
      const bool goes_on =
          here.flow == Flow::next || here.flow == Flow::call || here.flow == Flow::branch;
      if (goes_on && !(is_cut && !without->jumps_away)) {
        if (index + 1 == all_.size()) return std::nullopt;
        open.push_back(index + 1);
      }
    }
    return reached;
  }

  [[nodiscard]] std::optional<std::size_t> index_of(std::int64_t offset) const {
    const auto found = std::ranges::lower_bound(all_, offset, {}, [](const Instruction& one) {
      return static_cast<std::int64_t>(one.offset);
    });
    if (found == all_.end() || static_cast<std::int64_t>(found->offset) != offset) {
      return std::nullopt;
    }
    return static_cast<std::size_t>(found - all_.begin());
  }

 private:
  const Instructions& all_;
};

std::optional<AnswerJump> only_answer_jump(const CodeReader& reader, const Instructions& all,
                                           std::int64_t callee) {
  std::optional<std::size_t> call;
  for (std::size_t index = 0; index < all.size(); ++index) {
    if (all[index].flow != Flow::call || all[index].target != callee) continue;
    if (call) return std::nullopt;
    call = index;
  }
  return call ? answer_jump_behind(reader, all, *call) : std::nullopt;
}

// The returns that are left once the jump is probed; nullopt: it must not be.
std::optional<std::vector<std::size_t>> other_returns(const Instructions& all,
                                                      const AnswerJump& jump) {
  const Ways ways(all);
  const auto past = jump.jumps_away ? ways.index_of(all[jump.index].target.value_or(-1))
                                    : std::optional(jump.index + 1);
  if (!past || *past >= all.size()) return std::nullopt;
  const auto answered = ways.from(*past, std::nullopt);
  const auto others = ways.from(0, jump);
  // Whatever comes behind the answer must belong to it alone, the jump itself above all.
  if (!answered || !others || !(*others)[jump.index]) return std::nullopt;
  std::vector<std::size_t> returns;
  for (std::size_t index = 0; index < all.size(); ++index) {
    if ((*answered)[index] && index == jump.index) return std::nullopt;
    if (all[index].flow != Flow::leave || !(*others)[index]) continue;
    if ((*answered)[index]) return std::nullopt;
    returns.push_back(all[index].offset);
  }
  return returns;
}

}  // namespace

EndSites find_end_sites(std::span<const std::byte> code, std::optional<std::int64_t> callee) {
  const CodeReader reader(code);
  const Instructions all = reader.read_all();
  EndSites sites;
  const auto jump = callee ? only_answer_jump(reader, all, *callee) : std::nullopt;
  const auto others = jump ? other_returns(all, *jump) : std::nullopt;
  if (others) {
    sites.answer = all[jump->index].offset;
    sites.returns = *others;
  } else {
    for (const Instruction& instruction : all) {
      if (instruction.flow == Flow::leave) sites.returns.push_back(instruction.offset);
    }
  }
  return sites.returns.size() <= kMaxReturns ? sites : EndSites{};
}

}  // namespace beyla::probes::go
