// Input: an ELF file. What its tables of symbols name is asked for again by name.
#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "probes/elf/functions.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace beyla::probes::elf;
  constexpr std::size_t kAsked = 8;
  const auto elf = ElfFile::read(std::as_bytes(std::span(data, size)));
  if (!elf) return 0;
  std::vector<std::string> names;
  std::vector<FunctionSymbol> functions;
  visit_functions(*elf, [&](std::string_view name, const FunctionSymbol& function) {
    if (names.size() == kAsked || std::ranges::find(names, name) != names.end()) return;
    names.emplace_back(name);
    functions.push_back(function);
  });
  const std::vector<std::string_view> wanted(names.begin(), names.end());
  const auto found = find_functions(*elf, wanted);
  for (std::size_t index = 0; index < names.size(); ++index) {
    if (found[index].size() > kMaxNamesakes || found[index].front() != functions[index]) {
      std::abort();
    }
  }
  return 0;
}
