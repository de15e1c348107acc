#include "probes/native/function_sites.h"

#include <algorithm>
#include <cstring>

namespace beyla::probes::native {
namespace {

FunctionSites refuse_both(FunctionSites sites, SiteRefusal refusal) {
  sites.entry = std::unexpected(refusal);
  sites.exits = std::unexpected(refusal);
  sites.returns = std::unexpected(refusal);
  return sites;
}

// The executable segment that the function lies in.
const elf::Segment* segment_of(const elf::ElfFile& elf, const elf::FunctionSymbol& function) {
  const auto found = std::ranges::find_if(elf.segments(), [&](const elf::Segment& segment) {
    return segment.executable && function.address >= segment.address &&
           function.address - segment.address < segment.bytes &&
           function.bytes <= segment.bytes - (function.address - segment.address);
  });
  return found == elf.segments().end() ? nullptr : &*found;
}

}  // namespace

FunctionStarts::FunctionStarts(const elf::ElfFile& elf) {
  elf::visit_functions(elf, [&](std::string_view name, const elf::FunctionSymbol& function) {
    if (!name.contains('.')) addresses_.push_back(function.address);
  });
  std::ranges::sort(addresses_);
}

bool FunctionStarts::contains(std::uint64_t address) const {
  return std::ranges::binary_search(addresses_, address);
}

std::expected<ExploredFunction, SiteRefusal> explore_function(const elf::ElfFile& elf,
                                                              const FunctionStarts& starts,
                                                              const elf::FunctionSymbol& function) {
  if (function.is_indirect) return std::unexpected(SiteRefusal::indirect_function);
  const auto* segment = segment_of(elf, function);
  if (segment == nullptr || function.bytes == 0 || function.bytes > kMaxFunctionBytes ||
      elf.machine() != elf::Machine::x86_64) {
    return std::unexpected(SiteRefusal::no_code);
  }
  const std::size_t begin = function.address - segment->address;
  auto graph = FlowGraph::explore(
      elf.bytes_of(*segment), {.begin = begin, .end = begin + function.bytes},
      [&](std::size_t offset) { return starts.contains(segment->address + offset); });
  if (!graph) return std::unexpected(graph.error());
  return ExploredFunction{.segment = segment, .graph = std::move(*graph)};
}

FunctionSites find_function_sites(const elf::ElfFile& elf, const FunctionStarts& starts,
                                  const elf::FunctionSymbol& function, unsigned arguments) {
  FunctionSites sites{.bytes = function.bytes};
  const auto explored = explore_function(elf, starts, function);
  if (!explored) {
    const auto* segment = segment_of(elf, function);
    if (segment != nullptr && explored.error() != SiteRefusal::indirect_function &&
        explored.error() != SiteRefusal::no_code) {
      sites.file_offset = segment->file_offset + function.address - segment->address;
    }
    return refuse_both(sites, explored.error());
  }
  const auto& [segment, graph] = *explored;
  sites.file_offset = segment->file_offset + graph.function().begin;
  sites.entry = find_entry_site(graph, arguments);
  if (sites.entry) sites.entry->offset += segment->file_offset;
  sites.exits = find_exit_sites(graph);
  sites.returns = find_return_sites(graph);
  for (auto* found : {&sites.exits, &sites.returns}) {
    if (!*found) continue;
    for (std::size_t& offset : **found) offset += segment->file_offset;
  }
  return sites;
}

abi::probe_point point_of(std::span<const std::byte> file, const FunctionSites& sites,
                          std::uint64_t site, std::uint32_t probe) {
  abi::probe_point point{};
  point.probe = probe;
  point.symbol_offset = sites.file_offset;
  point.symbol_bytes = sites.bytes;
  point.point_offset = site;
  const auto rest = file.subspan(std::min<std::size_t>(site, file.size()));
  std::memcpy(point.expected, rest.data(), std::min(rest.size(), sizeof(point.expected)));
  return point;
}

}  // namespace beyla::probes::native
