// Input: two bytes, how many bytes of the code that follows are the function; then code. What was
// found is asked of the instructions again, one by one.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <span>

#include "probes/native/entry_site.h"
#include "probes/native/exit_sites.h"
#include "probes/native/inner_call.h"
#include "probes/proof/instruction.h"

namespace {

using namespace beyla::probes;

constexpr int kWalks = 8;
constexpr int kWalkSteps = 400;

void require(bool holds) {
  if (!holds) std::abort();
}

// Random ways from the entry: the sites are passed as they promise.
void walk(const native::FlowGraph& graph, const std::vector<std::size_t>* exits,
          std::optional<std::size_t> entry, std::minstd_rand& chance) {
  std::size_t index = 0;
  int entries = 0;
  int ends = 0;
  bool ended_late = false;
  for (int count = 0; count < kWalkSteps; ++count) {
    const native::Step& step = graph.steps()[index];
    if (entry == step.offset) ++entries;
    const bool is_exit = exits != nullptr && std::ranges::binary_search(*exits, step.offset);
    if (is_exit) ++ends;
    ended_late |= ends > 0 && (step.writes(0) || step.effect.stores);
    require(entries <= 1);
    if (step.successors.empty()) {
      if (step.end == native::End::returns && exits != nullptr) require(ends == 1 && !ended_late);
      if (step.end == native::End::returns && entry) require(entries == 1);
      return;
    }
    index = step.successors[chance() % step.successors.size()];
  }
}

// Random ways from the entry: each passes one call, and what is called is that.
void walk_to_inner(const native::FlowGraph& graph, std::minstd_rand& chance) {
  std::size_t index = 0;
  int called = 0;
  for (int count = 0; count < kWalkSteps; ++count) {
    const native::Step& step = graph.steps()[index];
    if (step.flow == x86::Flow::call) ++called;
    require(!step.effect.stores || step.flow == x86::Flow::call);
    if (step.successors.empty()) {
      require(step.end == native::End::returns && called == 1);
      return;
    }
    index = step.successors[chance() % step.successors.size()];
  }
  require(false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  std::uint16_t bytes = 0;
  if (size < sizeof(bytes) + 1) return 0;
  std::memcpy(&bytes, input.data(), sizeof(bytes));
  const auto code = input.subspan(sizeof(bytes));
  const std::size_t end = 1 + bytes % code.size();
  const auto graph = native::FlowGraph::explore(code, {.begin = 0, .end = end},
                                                [&](std::size_t offset) { return offset == end; });
  if (!graph) return 0;
  const auto entry = native::find_entry_site(*graph, bytes % (native::kMaxArguments + 1));
  const auto exits = native::find_exit_sites(*graph);
  const auto require_emulated = [&](std::size_t offset) {
    const auto length = proof::InstructionDecoder().length(code.subspan(offset));
    require(proof::execution_of(code.subspan(offset, length)) == proof::Execution::emulated);
    require(offset < end);
  };
  if (entry && !entry->is_call) require_emulated(entry->offset);
  if (exits) std::ranges::for_each(*exits, require_emulated);
  std::minstd_rand chance(bytes);
  if (const auto inner = native::find_inner_call(*graph, native::kFourthArgument + bytes % 2)) {
    require(native::calls(*graph, inner->offset));
    walk_to_inner(*graph, chance);
  }
  for (int count = 0; count < kWalks; ++count) {
    walk(*graph, exits ? &*exits : nullptr, entry ? std::optional(entry->offset) : std::nullopt,
         chance);
  }
  return 0;
}
