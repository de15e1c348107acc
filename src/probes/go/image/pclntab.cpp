#include "probes/go/image/pclntab.h"

#include <array>
#include <optional>

#include "base/byte_reader.h"

namespace beyla::probes::go {
namespace {

// Go's src/internal/abi/symtab.go.
enum Magic : std::uint32_t {
  kMagic1_2 = 0xfffffffb,  // until 1.15
  kMagic1_16 = 0xfffffffa,
  kMagic1_18 = 0xfffffff0,
  kMagic1_20 = 0xfffffff1,
};
constexpr std::uint64_t kAlignment = 8;
constexpr std::size_t kMaxTables = 8;

struct Head {
  std::uint32_t magic = 0;
  std::uint8_t padding[2] = {};
  std::uint8_t instruction_bytes = 0;  // 1 on x86, 4 on AArch64
  std::uint8_t pointer_bytes = 0;
  std::uint64_t functions = 0;
  std::uint64_t files = 0;
};
static_assert(sizeof(Head) == 24);

bool looks_like_head(const Head& head) {
  return head.magic >= kMagic1_18 && head.padding[0] == 0 && head.padding[1] == 0 &&
         (head.instruction_bytes == 1 || head.instruction_bytes == 4) && head.pointer_bytes == 8;
}

std::expected<Pclntab, ImageRefusal> table_at(const ElfFile& elf, std::uint64_t address) {
  const auto head = base::ByteReader(elf.bytes_at(address, sizeof(Head))).read_struct<Head>();
  if (!head || !looks_like_head(*head)) return std::unexpected(ImageRefusal::malformed_pclntab);
  Pclntab table{.address = address, .functions = head->functions};
  // Of the offsets behind the head: names first, functions last; between them units, files, pcs.
  std::uint64_t offsets = address + sizeof(Head);
  switch (head->magic) {
    case kMagic1_2: return std::unexpected(ImageRefusal::too_old);
    case kMagic1_16: table.format = TableFormat::go1_16; break;
    case kMagic1_18:
    case kMagic1_20:
      table.format = head->magic == kMagic1_18 ? TableFormat::go1_18 : TableFormat::go1_20;
      offsets += sizeof(std::uint64_t);  // textStart
      break;
    default: return std::unexpected(ImageRefusal::malformed_pclntab);
  }
  if (table.functions > kMaxFunctions) return std::unexpected(ImageRefusal::too_large);
  const auto names = elf.read_u64(offsets);
  const auto functions = elf.read_u64(offsets + 4 * sizeof(std::uint64_t));
  if (table.functions == 0 || !names || !functions) {
    return std::unexpected(ImageRefusal::malformed_pclntab);
  }
  table.names_offset = *names;
  table.functions_offset = *functions;
  return table;
}

std::vector<Pclntab> scan(const ElfFile& elf) {
  std::vector<Pclntab> tables;
  for (const Segment& segment : elf.segments()) {
    base::ByteReader reader(elf.bytes_of(segment));
    if (!reader.read_bytes(-segment.address % kAlignment)) continue;
    while (tables.size() < kMaxTables) {
      const std::uint64_t at = segment.address + reader.position();
      const auto word = reader.read_struct<std::array<std::uint32_t, 2>>();
      if (!word) break;
      if ((*word)[0] < kMagic1_18) continue;
      if (const auto table = table_at(elf, at)) tables.push_back(*table);
    }
  }
  return tables;
}

}  // namespace

std::expected<std::vector<Pclntab>, ImageRefusal> find_pclntabs(const ElfFile& elf) {
  for (const auto name : {".gopclntab", ".data.rel.ro.gopclntab"}) {  // the latter: PIE before 1.26
    const auto section = elf.section(name);
    if (!section) continue;
    const auto table = table_at(elf, section->address);
    if (!table) return std::unexpected(table.error());
    return std::vector{*table};
  }
  auto tables = scan(elf);
  if (tables.empty()) return std::unexpected(ImageRefusal::no_pclntab);
  return tables;
}

}  // namespace beyla::probes::go
