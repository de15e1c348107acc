// A 64-bit little-endian ELF executable, by its program headers; section headers are used where
// they are there. In: the whole file, borrowed. Addresses are those of the file (of a
// position-independent one: before it is moved). One thread at a time.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "probes/go/image/image_refusal.h"
#include "probes/go/image/relocations.h"

namespace beyla::probes::go {

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

class ElfFile {
 public:
  [[nodiscard]] static std::expected<ElfFile, ImageRefusal> read(std::span<const std::byte> file);

  [[nodiscard]] Machine machine() const { return machine_; }
  [[nodiscard]] std::span<const Segment> segments() const { return segments_; }
  // Of a loaded section that lies in one segment; none where there are no section headers.
  [[nodiscard]] std::optional<Section> section(std::string_view name) const;

  // Where the file has what will be loaded at `address`; nullopt unless all `bytes` are in it.
  [[nodiscard]] std::optional<std::uint64_t> file_offset(std::uint64_t address,
                                                         std::uint64_t bytes) const;
  // Exactly `bytes` bytes, or nothing at all.
  [[nodiscard]] std::span<const std::byte> bytes_at(std::uint64_t address,
                                                    std::uint64_t bytes) const;
  // From `address` to the end of its segment in the file.
  [[nodiscard]] std::span<const std::byte> bytes_from(std::uint64_t address) const;

  [[nodiscard]] std::optional<std::uint32_t> read_u32(std::uint64_t address) const;
  [[nodiscard]] std::optional<std::uint64_t> read_u64(std::uint64_t address) const;
  // A pointer in the data, with its relative relocation where there is one.
  [[nodiscard]] std::optional<std::uint64_t> read_pointer(std::uint64_t address) const;
  [[nodiscard]] const Relocations& relocations() const { return relocations_; }

 private:
  explicit ElfFile(std::span<const std::byte> file) : file_(file) {}

  std::span<const std::byte> file_;
  Machine machine_ = Machine::x86_64;
  std::vector<Segment> segments_;
  std::span<const std::byte> section_headers_;
  std::span<const std::byte> section_names_;
  Relocations relocations_;
};

}  // namespace beyla::probes::go
