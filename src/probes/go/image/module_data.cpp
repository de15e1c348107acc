#include "probes/go/image/module_data.h"

#include <array>
#include <optional>
#include <utility>

#include "base/byte_reader.h"
#include "probes/go/image/pclntab.h"

namespace beyla::probes::go {
namespace {

constexpr std::uint64_t kWord = 8;
// Other words of the data may have the value of the address of the table.
constexpr std::size_t kMaxCandidates = 64;

// Word of runtime.moduledata at which a field begins; the same from 1.16 to 1.26.
enum Word : std::uint64_t {
  kPcHeader = 0,
  kFunctionNames = 1,
  kFunctions = 13,
  kEntries = 16,
  kMinPc = 20,
  kMaxPc = 21,
  kText = 22,
  kTextEnd = 23,
};
// Those that moved: 1.20 added two words for coverage counters, 1.18 two for rodata and gofunc,
// 1.26 one for epclntab.
struct TypeWords {
  std::uint64_t types = 0;
  std::uint64_t text_sections = 0;
  std::uint64_t typelinks = 0;
};
constexpr TypeWords kWords1_16{.types = 35, .text_sections = 37, .typelinks = 40};
constexpr TypeWords kWords1_18{.types = 35, .text_sections = 39, .typelinks = 42};
constexpr TypeWords kWords1_20{.types = 37, .text_sections = 41, .typelinks = 44};
constexpr TypeWords kWords1_26{.types = 37, .text_sections = 42, .typelinks = 45};

struct Slice {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
};

class Module {
 public:
  Module(const ElfFile& elf, std::uint64_t address) : elf_(elf), address_(address) {}

  std::uint64_t word(std::uint64_t index) const {
    return elf_.read_pointer(address_ + index * kWord).value_or(0);
  }
  // Nullopt unless it is as long as its memory: all that the linker writes are.
  std::optional<Slice> slice(std::uint64_t index) const {
    const Slice slice{.address = word(index), .length = word(index + 1)};
    return slice.length == word(index + 2) ? std::optional(slice) : std::nullopt;
  }

 private:
  const ElfFile& elf_;
  std::uint64_t address_;
};

// Whether this is the module that the table of functions belongs to.
bool describes(const Module& module, const Pclntab& table) {
  const auto names = module.slice(kFunctionNames);
  const auto functions = module.slice(kFunctions);
  const auto entries = module.slice(kEntries);
  return module.word(kPcHeader) == table.address && names && functions && entries &&
         names->address == table.address + table.names_offset &&
         functions->address == table.address + table.functions_offset &&
         entries->address == functions->address && entries->length == table.functions + 1 &&
         module.word(kText) <= module.word(kMinPc) && module.word(kMinPc) < module.word(kMaxPc) &&
         module.word(kMaxPc) <= module.word(kTextEnd);
}

// Looks at the words of a segment that hold the address of the table.
std::optional<Module> find_in(const ElfFile& elf, const Segment& segment, const Pclntab& table) {
  base::ByteReader reader(elf.bytes_of(segment));
  if (!reader.read_bytes(-segment.address % kWord)) return std::nullopt;
  for (std::size_t candidates = 0; candidates < kMaxCandidates;) {
    const std::uint64_t at = segment.address + reader.position();
    const auto word = reader.read_struct<std::uint64_t>();
    if (!word) break;
    if (*word != table.address) continue;
    ++candidates;
    if (describes(Module(elf, at), table)) return Module(elf, at);
  }
  return std::nullopt;
}

std::optional<Module> find_module(const ElfFile& elf, const Pclntab& table) {
  if (const auto section = elf.section(".go.module")) {  // since 1.26
    const Module module(elf, section->address);
    if (describes(module, table)) return module;
  }
  for (const auto place : elf.relocations().places_of(table.address, kMaxCandidates)) {
    if (describes(Module(elf, place), table)) return Module(elf, place);
  }
  for (const Segment& segment : elf.segments()) {
    if (!segment.writable) continue;
    if (const auto module = find_in(elf, segment, table)) return module;
  }
  return std::nullopt;
}

bool take_functions(const ElfFile& elf, const Module& module, ModuleData& data) {
  const auto names = *module.slice(kFunctionNames);
  const auto functions = *module.slice(kFunctions);
  const auto entries = *module.slice(kEntries);
  data.text = module.word(kText);
  data.function_names = elf.bytes_at(names.address, names.length);
  data.functions = elf.bytes_at(functions.address, functions.length);
  data.entries_address = entries.address;
  data.entries = elf.bytes_at(entries.address, entries.length * entry_bytes(data.format));
  return !data.function_names.empty() && !data.functions.empty() && !data.entries.empty();
}

bool take_types(const ElfFile& elf, const Module& module, const TypeWords& words,
                ModuleData& data) {
  data.types = module.word(words.types);
  data.types_end = module.word(words.types + 1);
  const auto links = module.slice(words.typelinks);
  if (!links || links->length > kMaxTypeLinks) return false;
  data.typelinks = elf.bytes_at(links->address, links->length * sizeof(std::int32_t));
  return !data.typelinks.empty() && !elf.bytes_at(data.types, data.types_end - data.types).empty();
}

std::span<const TypeWords> words_of(TableFormat format) {
  static constexpr std::array kSince1_16{kWords1_16};
  static constexpr std::array kSince1_18{kWords1_18};
  static constexpr std::array kSince1_20{kWords1_26, kWords1_20};
  switch (format) {
    case TableFormat::go1_16: return kSince1_16;
    case TableFormat::go1_18: return kSince1_18;
    case TableFormat::go1_20: return kSince1_20;
  }
  std::unreachable();
}

std::expected<ModuleData, ImageRefusal> read_module(const ElfFile& elf, const Module& module,
                                                    TableFormat format) {
  ModuleData data;
  data.format = format;
  if (!take_functions(elf, module, data)) return std::unexpected(ImageRefusal::malformed_pclntab);
  for (const TypeWords& words : words_of(format)) {
    if (!take_types(elf, module, words, data)) continue;
    const auto sections = module.slice(words.text_sections);
    if (!sections) continue;
    if (sections->length > 1) return std::unexpected(ImageRefusal::several_text_sections);
    return data;
  }
  return std::unexpected(ImageRefusal::malformed_moduledata);
}

}  // namespace

std::expected<ModuleData, ImageRefusal> read_module_data(const ElfFile& elf) {
  const auto tables = find_pclntabs(elf);
  if (!tables) return std::unexpected(tables.error());
  for (const Pclntab& table : *tables) {
    if (const auto module = find_module(elf, table)) return read_module(elf, *module, table.format);
  }
  return std::unexpected(ImageRefusal::no_moduledata);
}

}  // namespace beyla::probes::go
