#include "probes/native/inner_call.h"

#include <algorithm>

#include "base/byte_reader.h"
#include "probes/native/entry_site.h"

namespace beyla::probes::native {
namespace {

constexpr std::byte kCall{0xe8};
constexpr std::size_t kCallBytes = 5;
constexpr unsigned kRax = 0;
constexpr std::uint16_t kFirstThree = 1U << 7 | 1U << 6 | 1U << 2;  // rdi, rsi, rdx
constexpr std::uint16_t kRcx = 1U << 1;
constexpr std::uint16_t kR8 = 1U << 8;

std::optional<std::size_t> call_target(const FlowGraph& graph, const Step& step) {
  const auto bytes = graph.bytes_of(step);
  if (step.flow != x86::Flow::call || bytes.size() != kCallBytes || bytes.front() != kCall) {
    return std::nullopt;
  }
  const auto distance = base::ByteReader(bytes.subspan(1)).read_struct<std::int32_t>();
  const auto target = static_cast<std::int64_t>(step.offset + step.length) + distance.value_or(0);
  return target < 0 ? std::nullopt : std::optional(static_cast<std::size_t>(target));
}

// The one step behind this one, of code that runs straight on.
const Step* only_next(const FlowGraph& graph, const Step& step) {
  const bool goes_on = step.flow == x86::Flow::next || step.flow == x86::Flow::jump;
  return goes_on && step.successors.size() == 1 ? &graph.steps()[step.successors.front()] : nullptr;
}

bool is_register(const ZydisDecodedOperand& operand, ZydisRegister wanted) {
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.reg.value == wanted;
}

bool moves_fourth_to_fifth(const x86::DecodedInstruction& decoded) {
  return decoded.is(ZYDIS_MNEMONIC_MOV) && is_register(decoded.operands[0], ZYDIS_REGISTER_R8) &&
         is_register(decoded.operands[1], ZYDIS_REGISTER_RCX);
}

struct Reached {
  const Step* call = nullptr;
  unsigned last_argument = kFourthArgument;
};

// From the first instruction to the call; the arguments are not touched but for the one move.
Reached walk_to_call(const FlowGraph& graph, unsigned last_argument) {
  Reached reached{.last_argument = last_argument};
  const Step* step = &graph.steps().front();
  for (int count = 0; step != nullptr && count < kMaxEntryInstructions; ++count) {
    if (step->flow == x86::Flow::call) {
      reached.call = step;
      return reached;
    }
    const auto decoded = x86::CodeReader(graph.bytes_of(*step)).decode(0);
    if (!decoded || step->effect.stores) return {};
    if (reached.last_argument == kFourthArgument && moves_fourth_to_fifth(*decoded)) {
      reached.last_argument = kFifthArgument;
    } else {
      const std::uint16_t last = reached.last_argument == kFourthArgument ? kRcx : kR8;
      if ((step->effect.written & (kFirstThree | last)) != 0) return {};
    }
    step = only_next(graph, *step);
  }
  return {};
}

// Follows the result behind the call: whether the latest flags say its sign.
class ResultWatch {
 public:
  // False: the instruction may make another result of one that is not negative.
  [[nodiscard]] bool keeps(const Step& step, const x86::DecodedInstruction& decoded) {
    const bool is_kept = !step.writes(kRax) || (decoded.is(ZYDIS_MNEMONIC_CMOVS) && knows_sign_);
    if (tests_result(decoded)) {
      knows_sign_ = true;
    } else if (decoded.head.cpu_flags == nullptr || writes_sign(*decoded.head.cpu_flags)) {
      knows_sign_ = false;
    }
    return is_kept;
  }

 private:
  static bool tests_result(const x86::DecodedInstruction& decoded) {
    return decoded.is(ZYDIS_MNEMONIC_TEST) &&
           is_register(decoded.operands[0], ZYDIS_REGISTER_EAX) &&
           is_register(decoded.operands[1], ZYDIS_REGISTER_EAX);
  }
  static bool writes_sign(const ZydisAccessedFlags& flags) {
    return ((flags.modified | flags.set_0 | flags.set_1 | flags.undefined) & ZYDIS_CPUFLAG_SF) != 0;
  }

  bool knows_sign_ = false;
};

bool returns_result(const FlowGraph& graph, const Step* step) {
  ResultWatch result;
  for (int count = 0; step != nullptr && count < kMaxEntryInstructions; ++count) {
    if (step->end == End::returns) return true;
    const auto decoded = x86::CodeReader(graph.bytes_of(*step)).decode(0);
    if (!decoded || step->effect.stores || !result.keeps(*step, *decoded)) return false;
    step = only_next(graph, *step);
  }
  return false;
}

}  // namespace

std::optional<InnerCall> find_inner_call(const FlowGraph& outer, unsigned last_argument) {
  const Reached reached = walk_to_call(outer, last_argument);
  if (reached.call == nullptr || reached.call->successors.size() != 1) return std::nullopt;
  const auto target = call_target(outer, *reached.call);
  if (!target) return std::nullopt;
  if (!returns_result(outer, &outer.steps()[reached.call->successors.front()])) return std::nullopt;
  return InnerCall{.offset = *target, .last_argument = reached.last_argument};
}

bool calls(const FlowGraph& outer, std::size_t offset) {
  return std::ranges::any_of(outer.steps(),
                             [&](const Step& step) { return call_target(outer, step) == offset; });
}

}  // namespace beyla::probes::native
