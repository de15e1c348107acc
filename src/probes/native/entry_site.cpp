#include "probes/native/entry_site.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "probes/proof/instruction.h"

namespace beyla::probes::native {
namespace {

constexpr std::array<unsigned, kMaxArguments> kArgumentNumbers{7, 6, 2, 1, 8, 9};
// System V ABI for AMD64, figure 3.4: rbx, rbp, r12 to r15 belong to the caller.
constexpr std::uint16_t kCallersRegisters = 1U << 3 | 1U << 5 | 0xf000U;
constexpr std::size_t kCallBytes = 5;  // E8 and 32 bits of distance
constexpr std::byte kCall{0xe8};

std::uint16_t registers_of(unsigned arguments) {
  unsigned bits = 0;
  for (unsigned index = 0; index < arguments; ++index) bits |= 1U << kArgumentNumbers[index];
  return static_cast<std::uint16_t>(bits);
}

// What was done between the first instruction and the one looked at.
struct Prologue {
  std::uint16_t written = 0;  // bits of registers
  std::optional<std::int32_t> stack_bytes = 0;

  void add(const Effect& effect) {
    written = static_cast<std::uint16_t>(written | effect.written);
    const bool is_known = stack_bytes && effect.stack_bytes;
    stack_bytes = is_known ? std::optional(*stack_bytes + *effect.stack_bytes) : std::nullopt;
  }
};

bool is_call(std::span<const std::byte> bytes) {
  return bytes.size() == kCallBytes && bytes.front() == kCall;
}

bool is_candidate(std::span<const std::byte> bytes) {
  return is_call(bytes) || proof::execution_of(bytes) == proof::Execution::emulated;
}

// Some jump leads to what a call begins with, up to the site.
bool is_entered_again(const FlowGraph& graph, std::size_t site) {
  return std::ranges::any_of(graph.steps(), [&](const Step& step) {
    return step.jumps_to && *step.jumps_to >= graph.function().begin && *step.jumps_to <= site;
  });
}

bool has_unknown_jumps(const FlowGraph& graph) {
  return std::ranges::find(graph.steps(), End::unknown, &Step::end) != graph.steps().end();
}

// Whether not even a jump through a register may lead there a second time in one call: to the first
// instruction it would be a call, and a register of the caller's is not saved twice.
bool is_passed_once(const Step& step, const Prologue& before, const FlowGraph& graph) {
  const bool saves = step.effect.is_push && (kCallersRegisters >> step.effect.pushed & 1) != 0 &&
                     (before.written >> step.effect.pushed & 1) == 0;
  return saves || step.offset == graph.function().begin || !has_unknown_jumps(graph);
}

EntrySite site_at(const Step& step, const Prologue& before, bool is_call) {
  EntrySite site{.offset = step.offset, .is_call = is_call, .stack_bytes = {}};
  if (before.stack_bytes && *before.stack_bytes >= 0) {
    site.stack_bytes = static_cast<std::uint32_t>(*before.stack_bytes);
  }
  return site;
}

}  // namespace

std::expected<EntrySite, SiteRefusal> find_entry_site(const FlowGraph& graph, unsigned arguments) {
  assert(arguments <= kMaxArguments);
  const std::uint16_t wanted = registers_of(arguments);
  auto refusal = SiteRefusal::no_emulated_instruction;
  Prologue before;
  std::size_t index = 0;
  for (int count = 0; count < kMaxEntryInstructions; ++count) {
    const Step& step = graph.steps()[index];
    if (!graph.function().contains(step.offset)) break;
    const auto bytes = graph.bytes_of(step);
    if (is_candidate(bytes)) {
      if (is_entered_again(graph, step.offset)) return std::unexpected(SiteRefusal::entered_again);
      if (is_passed_once(step, before, graph)) return site_at(step, before, is_call(bytes));
      refusal = SiteRefusal::unknown_jumps;
    }
    if (step.flow != x86::Flow::next) break;
    if ((step.effect.written & wanted) != 0) {
      if (refusal == SiteRefusal::no_emulated_instruction) {
        refusal = SiteRefusal::argument_overwritten;
      }
      break;
    }
    before.add(step.effect);
    index = step.successors.front();
  }
  return std::unexpected(refusal);
}

}  // namespace beyla::probes::native
