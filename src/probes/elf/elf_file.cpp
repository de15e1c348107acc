#include "probes/elf/elf_file.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "base/byte_reader.h"

namespace beyla::probes::elf {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::uint64_t kMaxOverlapBytes = kMaxProgramHeaders * std::uint64_t{64 * 1024};

// `count` bytes at `offset`, or nothing at all.
Bytes part(Bytes bytes, std::uint64_t offset, std::uint64_t count) {
  if (offset > bytes.size() || count > bytes.size() - offset) return {};
  return bytes.subspan(offset, count);
}

template <typename T>
std::optional<T> struct_at(Bytes bytes, std::uint64_t offset) {
  return base::ByteReader(part(bytes, offset, sizeof(T))).template read_struct<T>();
}

std::expected<Elf64_Ehdr, Refusal> header_of(Bytes file) {
  if (file.size() > kMaxFileBytes) return std::unexpected(Refusal::too_large);
  const Bytes identity = part(file, 0, EI_NIDENT);
  if (identity.empty() || std::memcmp(identity.data(), ELFMAG, SELFMAG) != 0) {
    return std::unexpected(Refusal::not_elf);
  }
  if (identity[EI_CLASS] != std::byte{ELFCLASS64} || identity[EI_DATA] != std::byte{ELFDATA2LSB}) {
    return std::unexpected(Refusal::unsupported_class);
  }
  const auto header = struct_at<Elf64_Ehdr>(file, 0);
  if (!header) return std::unexpected(Refusal::malformed_elf);
  if (header->e_machine != EM_X86_64 && header->e_machine != EM_AARCH64) {
    return std::unexpected(Refusal::unsupported_machine);
  }
  return *header;
}

std::expected<std::vector<Elf64_Phdr>, Refusal> program_headers_of(Bytes file,
                                                                   const Elf64_Ehdr& header) {
  if (header.e_phnum == 0) return std::vector<Elf64_Phdr>{};
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return std::unexpected(Refusal::malformed_elf);
  if (header.e_phnum > kMaxProgramHeaders) return std::unexpected(Refusal::too_large);
  const Bytes table = part(file, header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr));
  if (table.empty()) return std::unexpected(Refusal::malformed_elf);
  std::vector<Elf64_Phdr> headers(header.e_phnum);
  std::memcpy(headers.data(), table.data(), table.size());
  return headers;
}

std::expected<std::vector<Segment>, Refusal> segments_of(Bytes file,
                                                         std::span<const Elf64_Phdr> headers) {
  std::vector<Segment> segments;
  // Overlaps of more than the few pages that linkers make would have the file read many times.
  std::uint64_t bytes_left = file.size() + kMaxOverlapBytes;
  for (const Elf64_Phdr& header : headers) {
    if (header.p_type != PT_LOAD || header.p_filesz == 0) continue;
    if (part(file, header.p_offset, header.p_filesz).empty() ||
        header.p_vaddr + header.p_filesz < header.p_vaddr || header.p_filesz > bytes_left) {
      return std::unexpected(Refusal::malformed_elf);
    }
    bytes_left -= header.p_filesz;
    segments.push_back({.address = header.p_vaddr,
                        .file_offset = header.p_offset,
                        .bytes = header.p_filesz,
                        .writable = (header.p_flags & PF_W) != 0,
                        .executable = (header.p_flags & PF_X) != 0});
  }
  return segments;
}

// The section headers; none where they are missing or make no sense: nothing needs them.
Bytes section_headers_of(Bytes file, const Elf64_Ehdr& header) {
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shnum > kMaxSectionHeaders) return {};
  return part(file, header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr));
}

Bytes section_names_of(Bytes file, const Elf64_Ehdr& header, Bytes section_headers) {
  const auto names =
      struct_at<Elf64_Shdr>(section_headers, std::uint64_t{header.e_shstrndx} * sizeof(Elf64_Shdr));
  if (!names || names->sh_type == SHT_NOBITS) return {};
  return part(file, names->sh_offset, names->sh_size);
}

// DT_RELA, or nothing. A table that is said to be there and is not: nullopt.
std::optional<Bytes> relocation_table_of(const ElfFile& elf, Bytes dynamic) {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
  for (std::uint64_t at = 0;; at += sizeof(Elf64_Dyn)) {
    const auto entry = struct_at<Elf64_Dyn>(dynamic, at);
    if (!entry || entry->d_tag == DT_NULL) break;
    if (entry->d_tag == DT_RELA) address = entry->d_un.d_ptr;
    if (entry->d_tag == DT_RELASZ) bytes = entry->d_un.d_val;
    if (entry->d_tag == DT_RELAENT && entry->d_un.d_val != sizeof(Elf64_Rela)) return std::nullopt;
  }
  if (bytes == 0) return Bytes{};
  const Bytes table = elf.bytes_at(address, bytes);
  return table.empty() ? std::nullopt : std::optional(table);
}

}  // namespace

std::expected<ElfFile, Refusal> ElfFile::read(std::span<const std::byte> file) {
  const auto header = header_of(file);
  if (!header) return std::unexpected(header.error());
  const auto program_headers = program_headers_of(file, *header);
  if (!program_headers) return std::unexpected(program_headers.error());
  auto segments = segments_of(file, *program_headers);
  if (!segments) return std::unexpected(segments.error());

  ElfFile elf(file);
  const bool is_x86 = header->e_machine == EM_X86_64;
  elf.machine_ = is_x86 ? Machine::x86_64 : Machine::aarch64;
  elf.segments_ = std::move(*segments);
  elf.section_headers_ = section_headers_of(file, *header);
  elf.section_names_ = section_names_of(file, *header, elf.section_headers_);
  const auto unwind = std::ranges::find(*program_headers, PT_GNU_EH_FRAME, &Elf64_Phdr::p_type);
  if (unwind != program_headers->end()) {
    elf.unwind_header_ = {.address = unwind->p_vaddr, .bytes = unwind->p_filesz};
  }
  const auto dynamic = std::ranges::find(*program_headers, PT_DYNAMIC, &Elf64_Phdr::p_type);
  if (dynamic != program_headers->end()) {
    const auto table = relocation_table_of(elf, part(file, dynamic->p_offset, dynamic->p_filesz));
    if (!table) return std::unexpected(Refusal::malformed_elf);
    elf.relocations_ = Relocations(*table, is_x86 ? R_X86_64_RELATIVE : R_AARCH64_RELATIVE);
  }
  return elf;
}

std::optional<Section> ElfFile::section(std::string_view name) const {
  for (std::uint64_t at = 0;; at += sizeof(Elf64_Shdr)) {
    const auto header = struct_at<Elf64_Shdr>(section_headers_, at);
    if (!header) return std::nullopt;
    const Bytes found = part(section_names_, header->sh_name, name.size() + 1);
    if (found.empty() || found.back() != std::byte{0} ||
        base::as_text(found.first(name.size())) != name) {
      continue;
    }
    if (bytes_at(header->sh_addr, header->sh_size).empty()) return std::nullopt;
    return Section{.address = header->sh_addr, .bytes = header->sh_size};
  }
}

std::optional<Section> ElfFile::unwind_header() const {
  const bool is_there = !bytes_at(unwind_header_.address, unwind_header_.bytes).empty();
  return is_there ? std::optional(unwind_header_) : std::nullopt;
}

std::vector<SymbolTable> ElfFile::symbol_tables() const {
  std::vector<SymbolTable> tables;
  for (std::uint64_t at = 0;; at += sizeof(Elf64_Shdr)) {
    const auto header = struct_at<Elf64_Shdr>(section_headers_, at);
    if (!header) return tables;
    if (header->sh_type != SHT_DYNSYM && header->sh_type != SHT_SYMTAB) continue;
    const auto names = struct_at<Elf64_Shdr>(section_headers_,
                                             std::uint64_t{header->sh_link} * sizeof(Elf64_Shdr));
    if (!names || names->sh_type != SHT_STRTAB || header->sh_entsize != sizeof(Elf64_Sym)) continue;
    const SymbolTable table{.symbols = part(file_, header->sh_offset, header->sh_size),
                            .names = part(file_, names->sh_offset, names->sh_size)};
    if (!table.symbols.empty() && !table.names.empty()) tables.push_back(table);
    if (tables.size() == kMaxSymbolTables) return tables;
  }
}

const Segment* ElfFile::segment_of(std::uint64_t address, std::uint64_t bytes) const {
  for (const Segment& segment : segments_) {
    if (address < segment.address || address - segment.address >= segment.bytes) continue;
    if (bytes <= segment.bytes - (address - segment.address)) return &segment;
  }
  return nullptr;
}

std::optional<std::uint64_t> ElfFile::file_offset(std::uint64_t address,
                                                  std::uint64_t bytes) const {
  const Segment* segment = segment_of(address, bytes);
  if (segment == nullptr) return std::nullopt;
  return segment->file_offset + (address - segment->address);
}

std::span<const std::byte> ElfFile::bytes_at(std::uint64_t address, std::uint64_t bytes) const {
  const auto offset = file_offset(address, bytes);
  return offset ? file_.subspan(*offset, bytes) : Bytes{};
}

std::span<const std::byte> ElfFile::bytes_of(const Segment& segment) const {
  return part(file_, segment.file_offset, segment.bytes);
}

bool ElfFile::is_code(std::uint64_t address, std::uint64_t bytes) const {
  const Segment* segment = segment_of(address, bytes);
  return segment != nullptr && segment->executable;
}

std::optional<std::uint64_t> ElfFile::read_u64(std::uint64_t address) const {
  return base::ByteReader(bytes_at(address, sizeof(std::uint64_t))).read_struct<std::uint64_t>();
}

std::optional<std::uint64_t> ElfFile::read_pointer(std::uint64_t address) const {
  const auto relocated = relocations_.value_at(address);
  return relocated ? relocated : read_u64(address);
}

}  // namespace beyla::probes::elf
