#include "probes/native/flow_graph.h"

#include <algorithm>
#include <utility>

#include "probes/native/effect.h"

namespace beyla::probes::native {
namespace {

std::optional<std::size_t> jump_target(const x86::Instruction& found, std::size_t code_bytes) {
  if (found.flow != x86::Flow::branch && found.flow != x86::Flow::jump) return std::nullopt;
  if (!found.target || *found.target < 0) return std::nullopt;
  const auto target = static_cast<std::size_t>(*found.target);
  return target < code_bytes ? std::optional(target) : std::nullopt;
}

// JMP *word(%rip).
bool jumps_through_word(const x86::DecodedInstruction& decoded) {
  const ZydisDecodedOperand& target = decoded.operands[0];
  return decoded.is(ZYDIS_MNEMONIC_JMP) && target.type == ZYDIS_OPERAND_TYPE_MEMORY &&
         target.mem.base == ZYDIS_REGISTER_RIP;
}

End end_of(const Step& step, const CodePart& function) {
  const bool jumps = step.flow == x86::Flow::branch || step.flow == x86::Flow::jump;
  if (jumps && !step.jumps_to) return End::unknown;
  switch (step.flow) {
    case x86::Flow::indirect_jump: return End::unknown;
    case x86::Flow::leave: return End::returns;
    case x86::Flow::stop: return End::dies;
    case x86::Flow::call: return step.offset + step.length == function.end ? End::dies : End::none;
    default: return End::none;
  }
}

}  // namespace

std::expected<FlowGraph, SiteRefusal> FlowGraph::explore(std::span<const std::byte> code,
                                                         CodePart function,
                                                         const IsFunction& is_function) {
  FlowGraph graph(code, function);
  static_cast<void>(graph.index_of(function.begin));
  // Steps are added behind the one that is read.
  for (std::size_t index = 0; index < graph.steps_.size(); ++index) {
    if (index == kMaxFlowInstructions) return std::unexpected(SiteRefusal::too_large);
    if (const auto read = graph.read_step(index, is_function); !read)
      return std::unexpected(read.error());
  }
  if (graph.overlaps()) return std::unexpected(SiteRefusal::undecodable);
  return graph;
}

std::expected<void, SiteRefusal> FlowGraph::read_step(std::size_t index,
                                                      const IsFunction& is_function) {
  Step step = steps_[index];
  const auto found = reader_.read(step.offset);
  const auto decoded = reader_.decode(step.offset);
  if (!found || !decoded) {
    if (function_.contains(step.offset)) return std::unexpected(SiteRefusal::undecodable);
    steps_[index].end = End::unknown;
    return {};
  }
  step.length = found->length;
  step.flow = found->flow;
  step.effect = effect_of(*decoded);
  step.jumps_to = jump_target(*found, code_.size());
  step.end = end_of(step, function_);
  const bool to_other =
      step.jumps_to && !function_.contains(*step.jumps_to) && is_function(*step.jumps_to);
  const bool by_table = jumps_through_word(*decoded) && !function_.contains(step.offset);
  if (to_other || by_table) step.end = End::leaves;
  if (step.end == End::none || to_other) connect(step, decoded->head.mnemonic);
  if (checks_canary(*decoded) && step.end == End::none) {
    steps_[step.successors.front()].behind_canary_check = true;
  }
  steps_[index] = std::move(step);
  return {};
}

void FlowGraph::connect(Step& step, ZydisMnemonic mnemonic) {
  const bool only_if_equal = step.behind_canary_check && mnemonic == ZYDIS_MNEMONIC_JZ;
  const bool not_if_unequal = step.behind_canary_check && mnemonic == ZYDIS_MNEMONIC_JNZ;
  if (step.flow != x86::Flow::jump && !only_if_equal) {
    step.successors.push_back(index_of(step.offset + step.length));
  }
  if (not_if_unequal) {
    step.end = End::none;
  } else if (step.jumps_to && step.end == End::none) {
    step.successors.push_back(index_of(*step.jumps_to));
  }
}

std::size_t FlowGraph::index_of(std::size_t offset) {
  const auto [found, is_new] = index_by_offset_.try_emplace(offset, steps_.size());
  if (is_new) steps_.push_back({.offset = offset, .effect = {}, .jumps_to = {}, .successors = {}});
  return found->second;
}

bool FlowGraph::overlaps() const {
  std::vector<std::pair<std::size_t, std::size_t>> parts;
  parts.reserve(steps_.size());
  for (const Step& step : steps_) parts.emplace_back(step.offset, step.offset + step.length);
  std::ranges::sort(parts);
  return std::ranges::adjacent_find(parts, [](const auto& one, const auto& next) {
           return one.second > next.first;
         }) != parts.end();
}

}  // namespace beyla::probes::native
