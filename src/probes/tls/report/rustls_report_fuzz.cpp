// Input: the code of a function that is called as rustls' encrypt. Whatever is reported, the broker
// must be able to read, and no point lies outside of the function.
#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "probes/proof/report_message.h"
#include "probes/tls/report/rustls_report.h"

namespace {

using namespace beyla::probes;

constexpr std::size_t kCodeBegin = 1024;
constexpr std::size_t kNamesBegin = 512;
constexpr std::size_t kMostCode = 4096;
constexpr std::string_view kName = "_RNv6rustls5tls13_16MessageEncrypter7encrypt";

// A header, one segment, .symtab with its names, and the function behind them.
std::vector<std::byte> build_program(std::span<const std::uint8_t> code) {
  std::vector<std::byte> file(kCodeBegin + code.size());
  const auto put = [&](std::size_t at, const void* data, std::size_t bytes) {
    if (bytes != 0) std::memcpy(file.data() + at, data, bytes);
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
  const Elf64_Sym symbol{1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, kCodeBegin, code.size()};
  Elf64_Shdr sections[3]{};
  sections[1].sh_type = SHT_SYMTAB;
  sections[1].sh_offset = kNamesBegin - sizeof(symbol);
  sections[1].sh_size = sizeof(symbol);
  sections[1].sh_entsize = sizeof(symbol);
  sections[1].sh_link = 2;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = kNamesBegin;
  sections[2].sh_size = kName.size() + 2;
  put(128, sections, sizeof(sections));
  put(kNamesBegin - sizeof(symbol), &symbol, sizeof(symbol));
  put(kNamesBegin + 1, kName.data(), kName.size());
  put(kCodeBegin, code.data(), code.size());
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto code = std::span(data, std::min(size, kMostCode));
  const auto file = build_program(code);
  const auto report = tls::make_rustls_report(file);
  if (!report) std::abort();  // it is named
  const auto decoded = proof::decode_report(std::as_bytes(std::span(&*report, 1)));
  if (!decoded) std::abort();
  for (const auto& point : decoded->points) {
    if (point.point_offset < kCodeBegin || point.point_offset >= file.size()) std::abort();
  }
  return 0;
}
