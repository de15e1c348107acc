#include "probes/elf/function_ranges.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/byte_reader.h"
#include "probes/elf/pointer_encoding.h"

namespace beyla::probes::elf {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kIdBytes = 4;
// Of .eh_frame_hdr, before the pointer to .eh_frame: version, three encodings.
constexpr std::uint8_t kHeaderVersion = 1;
constexpr std::size_t kHeaderEncodings = 3;

// What a CIE says of the FDEs that refer to it.
struct Common {
  std::size_t offset = std::numeric_limits<std::size_t>::max();
  bool is_known = false;
  bool has_augmentation = false;
  PointerEncoding pointers = PointerEncoding();
};

std::optional<std::string_view> read_text(base::ByteReader& reader) {
  constexpr std::size_t kMaxAugmentationBytes = 8;
  auto rest = reader;
  const auto bytes = rest.read_bytes(std::min(rest.remaining(), kMaxAugmentationBytes));
  const auto text = base::as_text(*bytes);
  const auto end = text.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  static_cast<void>(reader.read_bytes(end + 1));
  return text.substr(0, end);
}

// The letters of "zPLR", each with what it stands for. Others that compilers write have nothing.
std::optional<PointerEncoding> read_augmentation(base::ByteReader& reader, std::string_view text,
                                                 std::uint64_t place) {
  PointerEncoding found = PointerEncoding();
  const std::size_t before = reader.position();
  for (const char letter : text) {
    if (letter == 'S' || letter == 'B') continue;
    const auto code = reader.read_u8();
    if (!code) return std::nullopt;
    if (letter == 'R') found = PointerEncoding(*code);
    if (letter == 'P') {
      // Where the routine is does not matter, only how long the pointer is: 0x80 is "indirect".
      const PointerEncoding personality(*code & 0x7f);
      if (!personality.read_pointer(reader, place + reader.position() - before)) {
        return std::nullopt;
      }
    } else if (letter != 'R' && letter != 'L') {
      return std::nullopt;
    }
  }
  return found;
}

Common read_common(Bytes section, std::size_t offset) {
  Common common{.offset = offset, .pointers = PointerEncoding()};
  base::ByteReader reader(section);
  static_cast<void>(reader.read_bytes(offset));
  const auto length = reader.read_struct<std::uint32_t>();
  const auto id = reader.read_struct<std::uint32_t>();
  const auto version = reader.read_u8();
  if (!length || !id || *id != 0 || (version != 1 && version != 3)) return common;
  const auto text = read_text(reader);
  if (!text) return common;
  // Code and data alignment, the latter signed: as long as an unsigned one.
  const bool are_read = read_uleb128(reader) && read_uleb128(reader) && read_uleb128(reader);
  if (!are_read) return common;
  common.is_known = true;
  if (text->empty()) return common;
  common.has_augmentation = text->front() == 'z';
  if (!common.has_augmentation || !read_uleb128(reader))
    return Common{.offset = offset, .pointers = PointerEncoding()};
  const auto encoding = read_augmentation(reader, text->substr(1), 0);
  common.is_known = encoding && encoding->is_known();
  if (encoding) common.pointers = *encoding;
  return common;
}

// Whether the first instruction for unwinding, if any, is one that goes on to a later place:
// DW_CFA_advance_loc and its kin, or padding (DWARF 5 §6.4.2).
bool begins_as_a_call(base::ByteReader reader) {
  constexpr std::uint8_t kKindMask = 0xc0;
  constexpr std::uint8_t kAdvance = 0x40;
  constexpr std::uint8_t kAdvance1 = 0x02;
  constexpr std::uint8_t kAdvance4 = 0x04;
  const auto first = reader.read_u8();
  if (!first || *first == 0 || (*first & kKindMask) == kAdvance) return true;
  return *first >= kAdvance1 && *first <= kAdvance4;
}

// `entry`: behind its id.
std::optional<FunctionRange> read_function(Bytes entry, std::uint64_t place, const Common& common) {
  base::ByteReader reader(entry);
  const auto begin = common.pointers.read_pointer(reader, place);
  const auto bytes = common.pointers.read_number(reader);
  if (!begin || !bytes || *bytes == 0 || *bytes > std::numeric_limits<std::uint32_t>::max() ||
      *begin + *bytes < *begin) {
    return std::nullopt;
  }
  if (common.has_augmentation) {
    const auto skipped = read_uleb128(reader);
    if (!skipped || !reader.read_bytes(*skipped)) return std::nullopt;
  }
  return FunctionRange{.address = *begin,
                       .bytes = static_cast<std::uint32_t>(*bytes),
                       .begins_call = begins_as_a_call(reader)};
}

// Nothing says how long it is but its section's header: else it ends with the first empty entry.
struct FrameTable {
  Section place;
  bool is_bounded = false;
};

std::vector<FunctionRange> read_functions(Bytes section, const FrameTable& table) {
  std::vector<FunctionRange> found;
  Common common;
  base::ByteReader reader(section);
  while (found.size() < kMaxFunctionRanges) {
    const auto length = reader.read_struct<std::uint32_t>();
    if (!length) break;
    if (*length == 0 && !table.is_bounded) break;
    if (*length == 0) continue;  // the end of one object's, maybe not of all
    const std::size_t at = reader.position();
    const auto entry = reader.read_bytes(*length);
    if (!entry || *length < kIdBytes) break;
    const auto id = *base::ByteReader(*entry).read_struct<std::uint32_t>();
    if (id == 0 || id > at) continue;  // a CIE, or nonsense
    if (common.offset != at - id) common = read_common(section, at - id);
    if (!common.is_known) continue;
    const auto function =
        read_function(entry->subspan(kIdBytes), table.place.address + at + kIdBytes, common);
    if (function) found.push_back(*function);
  }
  return found;
}

std::optional<FrameTable> table_by_header(const ElfFile& elf) {
  const auto header = elf.unwind_header();
  if (!header) return std::nullopt;
  base::ByteReader reader(elf.bytes_at(header->address, header->bytes));
  const auto version = reader.read_u8();
  const auto encodings = reader.read_bytes(kHeaderEncodings);
  if (version != kHeaderVersion || !encodings) return std::nullopt;
  const PointerEncoding encoding(static_cast<std::uint8_t>(encodings->front()));
  const auto address = encoding.read_pointer(reader, header->address + reader.position());
  if (!address) return std::nullopt;
  for (const Segment& segment : elf.segments()) {
    const std::uint64_t before = *address - segment.address;
    if (before < segment.bytes) return FrameTable{.place = {*address, segment.bytes - before}};
  }
  return std::nullopt;
}

}  // namespace

FunctionRanges::FunctionRanges(const ElfFile& elf) {
  const auto section = elf.section(".eh_frame");
  const auto table = section ? std::optional(FrameTable{.place = *section, .is_bounded = true})
                             : table_by_header(elf);
  if (!table) return;
  ranges_ = read_functions(elf.bytes_at(table->place.address, table->place.bytes), *table);
  if (!std::ranges::is_sorted(ranges_, {}, &FunctionRange::address)) {
    std::ranges::sort(ranges_, {}, &FunctionRange::address);
  }
}

std::optional<FunctionRange> FunctionRanges::around(std::uint64_t place) const {
  const auto next = std::ranges::upper_bound(ranges_, place, {}, &FunctionRange::address);
  if (next == ranges_.begin()) return std::nullopt;
  const FunctionRange& found = *std::prev(next);
  const bool overlaps =
      (next != ranges_.end() && next->address < found.end()) ||
      (std::prev(next) != ranges_.begin() && std::prev(next, 2)->end() > found.address);
  if (overlaps || !found.contains(place)) return std::nullopt;
  return found;
}

std::optional<FunctionRange> FunctionRanges::at(std::uint64_t address) const {
  const auto found = around(address);
  return found && found->address == address ? found : std::nullopt;
}

}  // namespace beyla::probes::elf
