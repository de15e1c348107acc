#include "probes/go/image/build_info.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/byte_reader.h"

namespace beyla::probes::go {
namespace {

// Go's src/debug/buildinfo/buildinfo.go.
constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr std::size_t kAlignment = 16;
constexpr std::size_t kHeaderBytes = 32;
constexpr std::size_t kPointerSizeAt = 14;
constexpr std::size_t kFormAt = 15;
constexpr std::size_t kPointersAt = 16;
constexpr std::uint8_t kBigEndian = 1;
constexpr std::uint8_t kInline = 2;
// `go1.26.8` has 8, a development version with its hash and date some 60.
constexpr std::uint64_t kMaxVersionBytes = 256;

std::optional<std::uint64_t> find_in(std::span<const std::byte> bytes, std::uint64_t address) {
  const auto text = base::as_text(bytes);
  for (std::uint64_t at = -address % kAlignment; at < text.size(); at += kAlignment) {
    if (text.substr(at, kMagic.size()) == kMagic) return address + at;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> find_build_info(const ElfFile& elf) {
  if (const auto section = elf.section(".go.buildinfo")) {
    const auto found = find_in(elf.bytes_at(section->address, section->bytes), section->address);
    if (found) return found;
  }
  for (const Segment& segment : elf.segments()) {
    if (!segment.writable) continue;
    const auto found = find_in(elf.bytes_of(segment), segment.address);
    if (found) return found;
  }
  return std::nullopt;
}

std::optional<std::string_view> text_at(const ElfFile& elf, std::uint64_t address,
                                        std::uint64_t bytes) {
  if (bytes > kMaxVersionBytes) return std::nullopt;
  const auto text = elf.bytes_at(address, bytes);
  return text.empty() ? std::nullopt : std::optional(base::as_text(text));
}

// Since Go 1.18: a length as a varint, which no version needs more than two bytes for, and the
// text.
std::optional<std::string_view> inline_text(const ElfFile& elf, std::uint64_t address) {
  constexpr std::uint8_t kMore = 0x80;
  base::ByteReader reader(elf.bytes_at(address, 2));
  const auto low = reader.read_u8();
  const auto high = reader.read_u8();
  if (!low || !high) return std::nullopt;
  if ((*low & kMore) == 0) return text_at(elf, address + 1, *low);
  if ((*high & kMore) != 0) return std::nullopt;
  return text_at(elf, address + 2, std::uint64_t{*high} << 7 | (*low & 0x7f));
}

// Until Go 1.17: a pointer to a string, which is a pointer to its text and its length.
std::optional<std::string_view> pointed_text(const ElfFile& elf, std::uint64_t address) {
  const auto string = elf.read_pointer(address);
  if (!string) return std::nullopt;
  const auto text = elf.read_pointer(*string);
  const auto bytes = elf.read_u64(*string + sizeof(std::uint64_t));
  return text && bytes ? text_at(elf, *text, *bytes) : std::nullopt;
}

std::optional<std::string_view> version_text(const ElfFile& elf, std::uint64_t address) {
  const auto header = elf.bytes_at(address, kHeaderBytes);
  if (header.empty()) return std::nullopt;
  const auto form = std::to_integer<std::uint8_t>(header[kFormAt]);
  if ((form & kInline) != 0) return inline_text(elf, address + kHeaderBytes);
  if ((form & kBigEndian) != 0 || header[kPointerSizeAt] != std::byte{sizeof(std::uint64_t)}) {
    return std::nullopt;
  }
  return pointed_text(elf, address + kPointersAt);
}

// Takes a number, and the dot behind it, off the text.
std::optional<std::uint16_t> take_number(std::string_view& text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with('.')) text.remove_prefix(1);
  return number;
}

}  // namespace

std::optional<GoVersion> parse_go_version(std::string_view text) {
  const auto begin = text.find("go1.");
  if (begin == std::string_view::npos) return std::nullopt;
  text.remove_prefix(begin + 2);
  const auto major = take_number(text);
  const auto minor = take_number(text);
  if (!major || !minor) return std::nullopt;
  return GoVersion{.major = *major, .minor = *minor, .patch = take_number(text).value_or(0)};
}

std::expected<GoVersion, ImageRefusal> read_go_version(const ElfFile& elf) {
  const auto address = find_build_info(elf);
  if (!address) return std::unexpected(ImageRefusal::not_go);
  const auto text = version_text(elf, *address);
  const auto version = text ? parse_go_version(*text) : std::nullopt;
  if (!version) return std::unexpected(ImageRefusal::malformed_build_info);
  if (*version < kOldestGo) return std::unexpected(ImageRefusal::too_old);
  return *version;
}

}  // namespace beyla::probes::go
