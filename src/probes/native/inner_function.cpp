#include "probes/native/inner_function.h"

#include <algorithm>
#include <array>

#include "probes/native/inner_call.h"
#include "probes/proof/instruction.h"

namespace beyla::probes::native {
namespace {

constexpr std::array kEndbr64{std::byte{0xf3}, std::byte{0x0f}, std::byte{0x1e}, std::byte{0xfa}};

// Bytes up to the end of the first instruction that is not `endbr64`; 0: none.
std::size_t beginning_of(std::span<const std::byte> code) {
  const bool marked =
      code.size() > kEndbr64.size() && std::ranges::equal(code.first(kEndbr64.size()), kEndbr64);
  const std::size_t skipped = marked ? kEndbr64.size() : 0;
  const std::size_t length = proof::InstructionDecoder().length(code.subspan(skipped));
  return length == 0 ? 0 : skipped + length;
}

}  // namespace

std::expected<InnerFunction, SiteRefusal> find_inner_function(
    const elf::ElfFile& elf, const FunctionStarts& starts, const elf::FunctionSymbol& outer,
    unsigned last_argument, std::span<const elf::FunctionSymbol> others) {
  const auto explored = explore_function(elf, starts, outer);
  if (!explored) return std::unexpected(explored.error());
  const auto call = find_inner_call(explored->graph, last_argument);
  const auto code = elf.bytes_of(*explored->segment);
  if (!call || call->offset >= code.size()) return std::unexpected(SiteRefusal::no_inner_call);
  for (const elf::FunctionSymbol& other : others) {
    const auto graph = explore_function(elf, starts, other);
    if (!graph) return std::unexpected(graph.error());
    if (graph->segment != explored->segment || !calls(graph->graph, call->offset)) {
      return std::unexpected(SiteRefusal::no_inner_call);
    }
  }
  const std::size_t bytes = beginning_of(code.subspan(call->offset));
  if (bytes == 0) return std::unexpected(SiteRefusal::undecodable);
  const elf::FunctionSymbol inner{.address = explored->segment->address + call->offset,
                                  .bytes = bytes};
  auto sites = find_function_sites(elf, starts, inner, call->last_argument + 1);
  if (!sites.entry) return std::unexpected(sites.entry.error());
  if (sites.entry->is_call || sites.entry->stack_bytes != 0U) {
    return std::unexpected(SiteRefusal::no_emulated_instruction);
  }
  return InnerFunction{.sites = std::move(sites), .last_argument = call->last_argument};
}

}  // namespace beyla::probes::native
