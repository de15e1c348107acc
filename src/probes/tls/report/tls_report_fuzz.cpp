// Input: changes (where, what) to a small library whose functions can be probed. Whatever is
// reported of it, the broker must be able to read, and no point lies outside of the file.
#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/byte_reader.h"
#include "probes/proof/report_message.h"
#include "probes/tls/report/tls_report.h"
#include "probes/tls/report/wanted_functions.h"

namespace {

using namespace beyla::probes;

constexpr std::size_t kCodeBegin = 1024;
constexpr std::size_t kFunctionBytes = 32;

// A header, one segment, .symtab with its names, and functions of a push, a jump and a return.
std::vector<std::byte> build_library() {
  std::vector<std::byte> file(8192);
  const auto put = [&](std::size_t at, const void* data, std::size_t bytes) {
    std::memcpy(file.data() + at, data, bytes);
  };
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof(header);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_shoff = 128;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  put(0, &header, sizeof(header));
  const Elf64_Phdr segment{PT_LOAD, PF_R | PF_X, 0, 0, 0, file.size(), file.size(), 4096};
  put(sizeof(header), &segment, sizeof(segment));

  std::vector<Elf64_Sym> symbols;
  std::string names(1, '\0');
  constexpr std::uint8_t kCode[] = {0x55, 0x5d, 0x31, 0xc0, 0xeb, 0x00, 0xc3};
  for (const auto& wanted : tls::kWantedFunctions) {
    const std::size_t address = kCodeBegin + symbols.size() * kFunctionBytes;
    symbols.push_back({static_cast<Elf64_Word>(names.size()), ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                       0, 1, address, sizeof(kCode)});
    names += std::string(wanted.name) + '\0';
    put(address, kCode, sizeof(kCode));
  }
  Elf64_Shdr sections[3]{};
  sections[1].sh_type = SHT_SYMTAB;
  sections[1].sh_offset = 4096;
  sections[1].sh_size = symbols.size() * sizeof(Elf64_Sym);
  sections[1].sh_entsize = sizeof(Elf64_Sym);
  sections[1].sh_link = 2;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = 6144;
  sections[2].sh_size = names.size();
  put(128, sections, sizeof(sections));
  put(4096, symbols.data(), sections[1].sh_size);
  put(6144, names.data(), names.size());
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> kLibrary = build_library();
  auto file = kLibrary;
  beyla::base::ByteReader reader(std::as_bytes(std::span(data, size)));
  struct Change {
    std::uint16_t where;
    std::uint8_t what[6];
  };
  bool changed = false;
  while (const auto change = reader.read_struct<Change>()) {
    std::memcpy(file.data() + change->where % (file.size() - sizeof(change->what)), change->what,
                sizeof(change->what));
    changed = true;
  }
  const auto report = tls::make_tls_report(file);
  if (!changed && (!report || report->kind != beyla::abi::kBinaryTls)) std::abort();
  if (!report) return 0;
  const auto decoded = proof::decode_report(std::as_bytes(std::span(&*report, 1)));
  if (!decoded) std::abort();
  for (const auto& point : decoded->points) {
    if (point.point_offset >= file.size()) std::abort();
    const auto bytes = std::min(sizeof(point.expected), file.size() - point.point_offset);
    if (std::memcmp(file.data() + point.point_offset, point.expected, bytes) != 0) std::abort();
  }
  return 0;
}
