#include "probes/elf/functions.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/byte_reader.h"

namespace beyla::probes::elf {
namespace {

// Empty: none, or one that does not end.
std::string_view name_at(std::span<const std::byte> names, std::uint32_t offset) {
  if (offset >= names.size()) return {};
  const auto rest = base::as_text(names.subspan(offset)).substr(0, kMaxNameBytes);
  const auto end = rest.find('\0');
  if (end == std::string_view::npos) return {};
  const auto name = rest.substr(0, end);
  return name.substr(0, name.find('@'));
}

std::optional<FunctionSymbol> function_of(const Elf64_Sym& symbol) {
  const auto type = ELF64_ST_TYPE(symbol.st_info);
  const bool is_function = type == STT_FUNC || type == STT_GNU_IFUNC;
  if (!is_function || symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE) {
    return std::nullopt;
  }
  return FunctionSymbol{
      .address = symbol.st_value, .bytes = symbol.st_size, .is_indirect = type == STT_GNU_IFUNC};
}

}  // namespace

void visit_functions(
    const ElfFile& elf,
    const std::function<void(std::string_view name, const FunctionSymbol& function)>& visit) {
  for (const SymbolTable& table : elf.symbol_tables()) {
    base::ByteReader reader(table.symbols);
    for (std::uint64_t index = 0; index < kMaxSymbols; ++index) {
      const auto symbol = reader.read_struct<Elf64_Sym>();
      if (!symbol) break;
      const auto function = function_of(*symbol);
      if (!function) continue;
      const auto name = name_at(table.names, symbol->st_name);
      if (!name.empty()) visit(name, *function);
    }
  }
}

std::vector<std::vector<FunctionSymbol>> find_functions(const ElfFile& elf,
                                                        std::span<const std::string_view> names) {
  std::vector<std::vector<FunctionSymbol>> found(names.size());
  visit_functions(elf, [&](std::string_view name, const FunctionSymbol& function) {
    for (std::size_t index = 0; index < names.size(); ++index) {
      auto& namesakes = found[index];
      if (names[index] != name || namesakes.size() == kMaxNamesakes) continue;
      if (std::ranges::find(namesakes, function.address, &FunctionSymbol::address) ==
          namesakes.end()) {
        namesakes.push_back(function);
      }
    }
  });
  return found;
}

}  // namespace beyla::probes::elf
