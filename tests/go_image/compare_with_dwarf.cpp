// Compares what GoImage says of Go executables with their DWARF and symbols, where they have them:
// every field of every struct, and functions. Usage: compare_with_dwarf FILE...
// Prints a line a file; exits with 1 where anything differs, or a file is not read.
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fmt/format.h>
#include <gelf.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mapped_file.h"
#include "probes/go/image/synthetic/wanted.h"

namespace {

using namespace beyla::probes::go;

// DW_AT_go_kind, Go's src/cmd/internal/dwarf/dwarf.go.
constexpr unsigned kGoKind = 0x2900;
constexpr std::size_t kFunctionsCompared = 400;

struct Member {
  std::string name;
  std::uint64_t offset = 0;
  std::uint64_t kind = 0;
};
using Structs = std::map<std::string, std::vector<Member>>;

struct Tally {
  std::size_t structs = 0;
  std::size_t structs_found = 0;
  std::size_t fields_equal = 0;
  std::size_t functions_equal = 0;
  std::size_t differences = 0;

  void differs(std::string_view what) {
    if (++differences <= 10) fmt::print("  differs: {}\n", what);
  }
};

std::optional<Dwarf_Word> number(Dwarf_Die* die, unsigned attribute) {
  Dwarf_Attribute found;
  Dwarf_Word value = 0;
  if (dwarf_attr(die, attribute, &found) == nullptr || dwarf_formudata(&found, &value) != 0) {
    return std::nullopt;
  }
  return value;
}

std::uint64_t kind_of_type(Dwarf_Die* die) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (dwarf_attr(die, DW_AT_type, &attribute) == nullptr ||
      dwarf_formref_die(&attribute, &type) == nullptr) {
    return 0;
  }
  return number(&type, kGoKind).value_or(0);
}

std::vector<Member> members_of(Dwarf_Die* structure) {
  std::vector<Member> members;
  Dwarf_Die child;
  if (dwarf_child(structure, &child) != 0) return members;
  do {
    const char* name = dwarf_diename(&child);
    const auto offset = number(&child, DW_AT_data_member_location);
    if (dwarf_tag(&child) != DW_TAG_member || name == nullptr || !offset) continue;
    members.push_back({.name = name, .offset = *offset, .kind = kind_of_type(&child)});
  } while (dwarf_siblingof(&child, &child) == 0);
  return members;
}

Structs structs_in(Dwarf* dwarf) {
  Structs structs;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die root;
  while (dwarf_get_units(dwarf, unit, &unit, nullptr, nullptr, &root, nullptr) == 0) {
    Dwarf_Die die;
    if (dwarf_child(&root, &die) != 0) continue;
    do {
      const char* name = dwarf_diename(&die);
      if (dwarf_tag(&die) != DW_TAG_structure_type || name == nullptr ||
          number(&die, kGoKind) != static_cast<Dwarf_Word>(Kind::structure)) {
        continue;
      }
      structs.emplace(name, members_of(&die));
    } while (dwarf_siblingof(&die, &die) == 0);
  }
  return structs;
}

void compare_struct(const GoImage& image, const std::string& name,
                    const std::vector<Member>& members, Tally& tally) {
  ++tally.structs;
  const std::string_view names[] = {name};
  if (!image.find_types(names)[0]) return;
  ++tally.structs_found;
  std::vector<WantedField> wanted;
  for (const Member& member : members) wanted.push_back({name, member.name});
  const auto fields = image.find_fields(wanted);
  for (std::size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[i];
    if (member.name == "_") continue;  // several may have this name
    if (!fields[i] || fields[i]->offset != member.offset ||
        (member.kind != 0 && static_cast<std::uint64_t>(fields[i]->kind) != member.kind)) {
      tally.differs(fmt::format("{}.{}: DWARF {} kind {}, found {} kind {}", name, member.name,
                                member.offset, member.kind, fields[i] ? fields[i]->offset : -1u,
                                fields[i] ? static_cast<int>(fields[i]->kind) : -1));
      continue;
    }
    ++tally.fields_equal;
  }
}

struct Symbol {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
};

// Of one name there may be several: a function in assembly (.abi0) and its wrapper, or functions
// that are local to their files.
using Symbols = std::multimap<std::string, Symbol>;

Symbols go_functions(Elf* elf) {
  Symbols functions;
  for (Elf_Scn* section = elf_nextscn(elf, nullptr); section != nullptr;
       section = elf_nextscn(elf, section)) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_SYMTAB) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    for (int i = 0; data != nullptr; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, i, &symbol) == nullptr) break;
      const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
      if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || name == nullptr) continue;
      std::string_view text(name);
      if (!text.contains('.') || text.starts_with("go:")) continue;  // C, or no function
      if (text.ends_with(".abi0")) text.remove_suffix(5);
      functions.emplace(text, Symbol{.address = symbol.st_value, .bytes = symbol.st_size});
    }
  }
  return functions;
}

// It is one of that name, and none of that name is larger.
bool is_largest(const Function& found, const Symbols& functions, std::string_view name) {
  const auto [begin, end] = functions.equal_range(std::string(name));
  return std::any_of(begin, end,
                     [&](const auto& one) { return one.second.address == found.address; }) &&
         std::all_of(begin, end, [&](const auto& one) { return one.second.bytes <= found.bytes; });
}

void compare_functions(const GoImage& image, Elf* elf, Tally& tally) {
  const auto functions = go_functions(elf);
  std::vector<std::string_view> names;
  const std::size_t step = functions.size() / kFunctionsCompared + 1;
  std::size_t position = 0;
  for (const auto& [name, symbol] : functions) {
    const bool wanted = std::ranges::find(kWantedFunctions, name) != std::end(kWantedFunctions);
    if (wanted || position++ % step == 0) names.push_back(name);
  }
  const auto found = image.find_functions(names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!found[i]) continue;  // C code, or a symbol that is no function of Go
    if (is_largest(*found[i], functions, names[i])) {
      ++tally.functions_equal;
    } else {
      tally.differs(fmt::format("{}: found {:x}+{}", names[i], found[i]->address, found[i]->bytes));
    }
  }
}

bool compare(const char* path) {
  const auto file = MappedFile::open(path);
  if (!file) return false;
  const auto image = GoImage::read(file->bytes());
  if (!image) {
    fmt::print("{}: refused: {}\n", path, refusal_name(image.error()));
    return false;
  }
  Tally tally;
  const beyla::base::Fd fd(::open(path, O_RDONLY | O_CLOEXEC));
  const std::unique_ptr<Dwarf, decltype(&dwarf_end)> dwarf(dwarf_begin(fd.get(), DWARF_C_READ),
                                                           dwarf_end);
  if (dwarf) {
    for (const auto& [name, members] : structs_in(dwarf.get())) {
      compare_struct(*image, name, members, tally);
    }
    compare_functions(*image, dwarf_getelf(dwarf.get()), tally);
  }
  const auto present = [](const auto& found) {
    return std::ranges::count_if(found, [](const auto& one) { return one.has_value(); });
  };
  fmt::print(
      "{}: go1.{}.{} wanted functions {} fields {} dwarf {} structs {} found {} fields equal {} "
      "functions equal {} differences {}\n",
      path, image->version().minor, image->version().patch,
      present(image->find_functions(kWantedFunctions)), present(image->find_fields(kWantedFields)),
      dwarf != nullptr, tally.structs, tally.structs_found, tally.fields_equal,
      tally.functions_equal, tally.differences);
  return tally.differences == 0;
}

}  // namespace

int main(int count, char** arguments) {
  bool equal = count > 1;
  for (int i = 1; i < count; ++i) equal = compare(arguments[i]) && equal;
  return equal ? EXIT_SUCCESS : EXIT_FAILURE;
}
