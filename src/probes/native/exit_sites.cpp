#include "probes/native/exit_sites.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "probes/proof/instruction.h"

namespace beyla::probes::native {
namespace {

using Marks = std::vector<bool>;  // by index of step
using Indices = std::vector<std::size_t>;

constexpr unsigned kRax = 0;

std::vector<Indices> predecessors_of(std::span<const Step> steps) {
  std::vector<Indices> predecessors(steps.size());
  for (std::size_t index = 0; index < steps.size(); ++index) {
    for (const std::size_t next : steps[index].successors) predecessors[next].push_back(index);
  }
  return predecessors;
}

// All steps from which a way leads to a marked one over steps of `through`; the marked ones, too.
Marks all_before(const std::vector<Indices>& predecessors, Marks marked, const Marks& through) {
  Indices open;
  for (std::size_t index = 0; index < marked.size(); ++index) {
    if (marked[index]) open.push_back(index);
  }
  while (!open.empty()) {
    const std::size_t index = open.back();
    open.pop_back();
    for (const std::size_t before : predecessors[index]) {
      if (marked[before] || !through[before]) continue;
      marked[before] = true;
      open.push_back(before);
    }
  }
  return marked;
}

Marks mark(std::span<const Step> steps, const std::function<bool(std::size_t)>& holds) {
  Marks marks(steps.size());
  for (std::size_t index = 0; index < steps.size(); ++index) marks[index] = holds(index);
  return marks;
}

// A PUSH is not used: it begins calls.
bool may_be_exit(const FlowGraph& graph, const Step& step) {
  return graph.function().contains(step.offset) && !step.effect.is_push &&
         proof::execution_of(graph.bytes_of(step)) == proof::Execution::emulated;
}

enum class Passed : std::uint8_t { once, not_always, twice };

// How many of `sites` the ways from the entry to returns pass.
Passed count_passed(std::span<const Step> steps, const Marks& returning, const Marks& sites) {
  std::array<Marks, 2> seen{Marks(steps.size()), Marks(steps.size())};  // by sites passed
  std::vector<std::pair<std::size_t, std::size_t>> open{{0, 0}};
  bool misses = false;
  while (!open.empty()) {
    const auto [index, passed_before] = open.back();
    open.pop_back();
    if (!returning[index] || seen[passed_before][index]) continue;
    seen[passed_before][index] = true;
    if (sites[index] && passed_before == 1) return Passed::twice;
    const std::size_t passed = sites[index] ? 1 : passed_before;
    misses |= steps[index].end == End::returns && passed == 0;
    for (const std::size_t next : steps[index].successors) open.emplace_back(next, passed);
  }
  return misses ? Passed::not_always : Passed::once;
}

// The first way out that cannot be covered, if there is one.
std::optional<SiteRefusal> foreign_end(const FlowGraph& graph) {
  for (const Step& step : graph.steps()) {
    const bool outside = !graph.function().contains(step.offset);
    if (step.end == End::unknown || step.end == End::leaves ||
        (step.end == End::returns && outside)) {
      return step.flow == x86::Flow::indirect_jump && !outside ? SiteRefusal::unknown_jumps
                                                               : SiteRefusal::tail_call;
    }
  }
  return std::nullopt;
}

std::vector<std::size_t> offsets_of(std::span<const Step> steps, const Marks& sites) {
  std::vector<std::size_t> offsets;
  for (std::size_t index = 0; index < steps.size(); ++index) {
    if (sites[index]) offsets.push_back(steps[index].offset);
  }
  std::ranges::sort(offsets);
  return offsets;
}

}  // namespace

std::expected<std::vector<std::size_t>, SiteRefusal> find_exit_sites(const FlowGraph& graph) {
  if (const auto refusal = foreign_end(graph)) return std::unexpected(*refusal);
  const auto steps = graph.steps();
  const auto predecessors = predecessors_of(steps);
  const Marks everywhere(steps.size(), true);
  const Marks returning = all_before(
      predecessors, mark(steps, [&](std::size_t at) { return steps[at].end == End::returns; }),
      everywhere);
  if (!returning.front()) return std::unexpected(SiteRefusal::never_returns);
  // From where a write of the result may follow.
  const Marks too_early =
      all_before(predecessors,
                 mark(steps,
                      [&](std::size_t at) {
                        return returning[at] && (steps[at].writes(kRax) || steps[at].effect.stores);
                      }),
                 returning);
  const Marks candidates = mark(steps, [&](std::size_t at) {
    return returning[at] && !too_early[at] && may_be_exit(graph, steps[at]);
  });
  // The last ones: those from which a way leads to a return that passes no other.
  const Marks between =
      mark(steps, [&](std::size_t at) { return returning[at] && !candidates[at]; });
  const Marks uncovered = all_before(
      predecessors, mark(steps, [&](std::size_t at) { return steps[at].end == End::returns; }),
      between);
  const Marks last = mark(steps, [&](std::size_t at) {
    return candidates[at] && std::ranges::any_of(steps[at].successors,
                                                 [&](std::size_t next) { return uncovered[next]; });
  });
  switch (count_passed(steps, returning, last)) {
    case Passed::once: break;
    case Passed::not_always: return std::unexpected(SiteRefusal::no_emulated_instruction);
    case Passed::twice: return std::unexpected(SiteRefusal::passed_twice);
  }
  auto offsets = offsets_of(steps, last);
  if (offsets.size() > kMaxExitSites) return std::unexpected(SiteRefusal::too_large);
  return offsets;
}

std::expected<std::vector<std::size_t>, SiteRefusal> find_return_sites(const FlowGraph& graph) {
  if (const auto refusal = foreign_end(graph)) return std::unexpected(*refusal);
  const auto steps = graph.steps();
  const Marks returns = mark(steps, [&](std::size_t at) {
    return steps[at].end == End::returns &&
           proof::execution_of(graph.bytes_of(steps[at])) != proof::Execution::unsafe;
  });
  auto offsets = offsets_of(steps, returns);
  const auto all = std::ranges::count(steps, End::returns, &Step::end);
  if (all == 0) return std::unexpected(SiteRefusal::never_returns);
  if (std::cmp_less(offsets.size(), all)) return std::unexpected(SiteRefusal::undecodable);
  if (offsets.size() > kMaxExitSites) return std::unexpected(SiteRefusal::too_large);
  return offsets;
}

}  // namespace beyla::probes::native
