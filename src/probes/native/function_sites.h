// Entry, exit and return sites of one function of an x86-64 ELF file, as a probe point wants them.
// In: an untrusted file. Pure function; src/probes/proof proves what it says. See
// docs/design/0017-native-probe-sites.md.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "abi/probe_point.h"
#include "probes/elf/elf_file.h"
#include "probes/elf/functions.h"
#include "probes/native/entry_site.h"
#include "probes/native/exit_sites.h"

namespace beyla::probes::native {

// As in probes/proof/executable.h, which refuses larger ones.
inline constexpr std::uint64_t kMaxFunctionBytes = 1024 * 1024;

// Where the functions begin that the file has symbols for; their parts, whose names have a dot
// (GCC's and LLVM's "name.cold"), are left out. Made once per file; few bytes a symbol.
class FunctionStarts {
 public:
  explicit FunctionStarts(const elf::ElfFile& elf);
  [[nodiscard]] bool contains(std::uint64_t address) const;

 private:
  std::vector<std::uint64_t> addresses_;  // sorted
};

struct FunctionSites {
  std::uint64_t file_offset = 0;  // of the function's first byte
  std::uint64_t bytes = 0;
  // Their offsets are in the file, too.
  std::expected<EntrySite, SiteRefusal> entry = std::unexpected(SiteRefusal::no_code);
  std::expected<std::vector<std::size_t>, SiteRefusal> exits =
      std::unexpected(SiteRefusal::no_code);
  std::expected<std::vector<std::size_t>, SiteRefusal> returns =
      std::unexpected(SiteRefusal::no_code);
};

// The graph of a function, and the segment in which its offsets count.
struct ExploredFunction {
  const elf::Segment* segment = nullptr;  // of the file that was given
  FlowGraph graph;
};
// Borrows the file. Refuses what find_function_sites() refuses for entry and exits alike.
[[nodiscard]] std::expected<ExploredFunction, SiteRefusal> explore_function(
    const elf::ElfFile& elf, const FunctionStarts& starts, const elf::FunctionSymbol& function);

// `arguments`: how many of them must be in their registers at the entry site, up to kMaxArguments.
[[nodiscard]] FunctionSites find_function_sites(const elf::ElfFile& elf,
                                                const FunctionStarts& starts,
                                                const elf::FunctionSymbol& function,
                                                unsigned arguments);

// What the proof wants to know of a site. REQUIRES: `site` is one of those sites; `file` is what
// they were found in.
[[nodiscard]] abi::probe_point point_of(std::span<const std::byte> file, const FunctionSites& sites,
                                        std::uint64_t site, std::uint32_t probe);

}  // namespace beyla::probes::native
