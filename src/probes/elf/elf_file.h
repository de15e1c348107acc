// A 64-bit little-endian ELF executable or library, by its program headers; section headers are
// used where they are there. In: the whole file, untrusted, borrowed. Addresses are those of the
// file (of a position-independent one: before it is moved). One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/elf/refusal.h"
#include "probes/elf/relocations.h"

namespace beyla::probes::elf {

// Larger files are refused. The largest Go programs (Kubernetes' all-in-one builds, CockroachDB)
// have some 300 MB with their DWARF.
inline constexpr std::uint64_t kMaxFileBytes = std::uint64_t{2} << 30;
// Go's linker writes 4 loadable segments, others up to a dozen.
inline constexpr std::size_t kMaxProgramHeaders = 128;
inline constexpr std::size_t kMaxSectionHeaders = 1024;

// One of each kind, ELF specification.
inline constexpr std::size_t kMaxSymbolTables = 2;

enum class Machine : std::uint8_t { x86_64, aarch64 };

// A loadable segment, as far as the file fills it.
struct Segment {
  std::uint64_t address = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t bytes = 0;
  bool writable = false;
  bool executable = false;
};

struct Section {
  std::uint64_t address = 0;
  std::uint64_t bytes = 0;
};

// Both parts lie in the file; entries of Elf64_Sym, a part of one at the end is none.
struct SymbolTable {
  std::span<const std::byte> symbols;
  std::span<const std::byte> names;
};

class ElfFile {
 public:
  [[nodiscard]] static std::expected<ElfFile, Refusal> read(std::span<const std::byte> file);

  [[nodiscard]] Machine machine() const { return machine_; }
  [[nodiscard]] std::span<const Segment> segments() const { return segments_; }
  // Of a section that the file fills and that is loaded; none where there are no section headers.
  [[nodiscard]] std::optional<Section> section(std::string_view name) const;

  // PT_GNU_EH_FRAME (.eh_frame_hdr, LSB 5.0 §10.6), where it lies in the file.
  [[nodiscard]] std::optional<Section> unwind_header() const;

  // .dynsym and .symtab, what is there of them, by their section headers.
  [[nodiscard]] std::vector<SymbolTable> symbol_tables() const;

  // Where the file has what will be loaded at `address`; nullopt unless all `bytes` are in it.
  [[nodiscard]] std::optional<std::uint64_t> file_offset(std::uint64_t address,
                                                         std::uint64_t bytes) const;
  // Exactly `bytes` bytes, or nothing at all.
  [[nodiscard]] std::span<const std::byte> bytes_at(std::uint64_t address,
                                                    std::uint64_t bytes) const;
  [[nodiscard]] std::span<const std::byte> bytes_of(const Segment& segment) const;
  // Whether all of it will be executable.
  [[nodiscard]] bool is_code(std::uint64_t address, std::uint64_t bytes) const;

  [[nodiscard]] std::optional<std::uint64_t> read_u64(std::uint64_t address) const;
  // A pointer in the data, with its relative relocation where there is one.
  [[nodiscard]] std::optional<std::uint64_t> read_pointer(std::uint64_t address) const;
  [[nodiscard]] const Relocations& relocations() const { return relocations_; }

 private:
  explicit ElfFile(std::span<const std::byte> file) : file_(file) {}

  [[nodiscard]] const Segment* segment_of(std::uint64_t address, std::uint64_t bytes) const;

  std::span<const std::byte> file_;
  Machine machine_ = Machine::x86_64;
  std::vector<Segment> segments_;
  Section unwind_header_;
  std::span<const std::byte> section_headers_;
  std::span<const std::byte> section_names_;
  Relocations relocations_;
};

}  // namespace beyla::probes::elf
