#include "probed_functions.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "probes/elf/functions.h"
#include "probes/x86/code_reader.h"

namespace beyla::tests {
namespace {

using probes::native::FunctionSites;
using probes::proof::Stepping;

class Chooser {
 public:
  Chooser(std::span<const std::byte> file, const probes::elf::ElfFile& elf,
          const probes::proof::Executable& executable, const Wanted& wanted)
      : file_(file), elf_(elf), executable_(executable), wanted_(wanted), starts_(elf) {}

  // nullopt where neither site can be had.
  [[nodiscard]] std::optional<ProbedFunction> judge(
      std::string name, const probes::elf::FunctionSymbol& symbol) const {
    ProbedFunction function{
        .name = std::move(name),
        .sites = probes::native::find_function_sites(elf_, starts_, symbol, wanted_.arguments),
        .arguments = wanted_.arguments,
        .returns = {}};
    const auto& entry = function.sites.entry;
    const auto& exits = function.sites.exits;
    function.has_entry = entry && may_enter(function.sites);
    function.has_exits = exits && std::ranges::all_of(*exits, [&](std::size_t offset) {
                           return proven(function.sites, offset, Stepping::emulated_only);
                         });
    if (!wanted_.names.empty()) describe(function);
    if (!function.has_entry && !function.has_exits) return std::nullopt;
    if (wanted_.compare) compare(function, symbol);
    return function;
  }

 private:
  [[nodiscard]] bool proven(const FunctionSites& sites, std::uint64_t offset,
                            Stepping stepping) const {
    return executable_.prove(probes::native::point_of(file_, sites, offset, 0), stepping)
        .has_value();
  }

  [[nodiscard]] bool may_enter(const FunctionSites& sites) const {
    // The proof takes no CALL. Here it shows what the kernel makes of one.
    return sites.entry->is_call ? wanted_.compare
                                : proven(sites, sites.entry->offset, Stepping::emulated_only);
  }

  void compare(ProbedFunction& function, const probes::elf::FunctionSymbol& symbol) const {
    const auto code = elf_.bytes_at(symbol.address, symbol.bytes);
    for (const auto& instruction : probes::x86::CodeReader(code).read_all()) {
      if (instruction.flow != probes::x86::Flow::leave) continue;
      function.returns.push_back(function.sites.file_offset + instruction.offset);
    }
    const auto may_step = [&](std::uint64_t offset) {
      return proven(function.sites, offset, Stepping::single_step_allowed);
    };
    function.compared =
        may_step(function.sites.file_offset) && std::ranges::all_of(function.returns, may_step);
  }

  static void describe(const ProbedFunction& function) {
    const auto& sites = function.sites;
    std::string text = fmt::format("site {} entry=", function.name);
    if (sites.entry) {
      text += fmt::format("+{:#x}{}", sites.entry->offset - sites.file_offset,
                          sites.entry->is_call ? "(call)" : "");
    } else {
      text += refusal_name(sites.entry.error());
    }
    text += " exits=";
    if (sites.exits) {
      for (const std::size_t offset : *sites.exits) {
        text += fmt::format("+{:#x},", offset - sites.file_offset);
      }
    } else {
      text += refusal_name(sites.exits.error());
    }
    fmt::print("{}\n", text);
  }

  std::span<const std::byte> file_;
  const probes::elf::ElfFile& elf_;
  const probes::proof::Executable& executable_;
  const Wanted& wanted_;
  probes::native::FunctionStarts starts_;
};

}  // namespace

std::vector<ProbedFunction> probed_functions(std::span<const std::byte> file,
                                             const probes::proof::Executable& executable,
                                             const Wanted& wanted) {
  std::vector<ProbedFunction> functions;
  const auto elf = probes::elf::ElfFile::read(file);
  if (!elf) return functions;
  const Chooser chooser(file, *elf, executable, wanted);
  std::set<std::uint64_t> known;
  visit_functions(*elf, [&](std::string_view name, const probes::elf::FunctionSymbol& symbol) {
    const bool is_wanted =
        wanted.names.empty() || std::ranges::find(wanted.names, name) != wanted.names.end();
    if (!is_wanted || functions.size() == wanted.limit || !known.insert(symbol.address).second) {
      return;
    }
    auto function = chooser.judge(std::string(name), symbol);
    if (function) functions.push_back(std::move(*function));
  });
  return functions;
}

}  // namespace beyla::tests
