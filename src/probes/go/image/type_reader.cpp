#include "probes/go/image/type_reader.h"

#include <cstddef>

#include "base/byte_reader.h"

namespace beyla::probes::go {
namespace {

// abi.Type.
struct Descriptor {
  std::uint64_t bytes = 0;
  std::uint64_t pointer_bytes = 0;
  std::uint32_t hash = 0;
  std::uint8_t tags = 0;
  std::uint8_t alignment = 0;
  std::uint8_t field_alignment = 0;
  std::uint8_t kind = 0;
  std::uint64_t equal = 0;
  std::uint64_t gc_data = 0;
  std::uint32_t name_offset = 0;
  std::uint32_t pointer_type_offset = 0;
};
constexpr std::uint64_t kDescriptorBytes = 48;
static_assert(sizeof(Descriptor) == kDescriptorBytes && offsetof(Descriptor, name_offset) == 40);

enum Tag : std::uint8_t { kHasUncommon = 1, kNameHasExtraStar = 2 };
// Its upper bits were flags until 1.23.
constexpr std::uint8_t kKindMask = 0x1f;

// Behind the descriptor: abi.PtrType.Elem; abi.StructType.{PkgPath, Fields}; abi.UncommonType,
// which begins with the offset of the package's name, stands behind those.
constexpr std::uint64_t kPointeeAt = kDescriptorBytes;
constexpr std::uint64_t kFieldsAt = kDescriptorBytes + 8;
constexpr std::uint64_t kFieldCountAt = kFieldsAt + 8;
constexpr std::uint64_t kStructBytes = kFieldsAt + 24;
// abi.StructField: pointers to name and type, and the offset.
constexpr std::uint64_t kFieldBytes = 24;

constexpr std::uint64_t kMaxNameBytes = 4096;

}  // namespace

std::optional<TypeHead> TypeReader::head(std::uint64_t type) const {
  if (type < module_.types || type >= module_.types_end) return std::nullopt;
  const auto raw =
      base::ByteReader(elf_.bytes_at(type, sizeof(Descriptor))).read_struct<Descriptor>();
  if (!raw || (raw->kind & kKindMask) >= kKinds) return std::nullopt;
  return TypeHead{.bytes = raw->bytes,
                  .kind = static_cast<Kind>(raw->kind & kKindMask),
                  .tags = raw->tags,
                  .name_offset = raw->name_offset};
}

// abi.Name: a byte of flags, the length as a varint, the text.
std::optional<std::string_view> TypeReader::name_at(std::uint64_t address) const {
  constexpr std::uint8_t kMore = 0x80;
  constexpr std::uint8_t kLow = 0x7f;
  const auto head = elf_.bytes_at(address, 3);
  if (head.empty()) return std::nullopt;
  std::uint64_t bytes = std::to_integer<std::uint64_t>(head[1] & std::byte{kLow});
  std::uint64_t text = address + 2;
  if ((head[1] & std::byte{kMore}) != std::byte{0}) {
    if ((head[2] & std::byte{kMore}) != std::byte{0}) return std::nullopt;
    bytes |= std::to_integer<std::uint64_t>(head[2]) << 7;
    ++text;
  }
  if (bytes > kMaxNameBytes) return std::nullopt;
  const auto found = elf_.bytes_at(text, bytes);
  return found.size() == bytes ? std::optional(base::as_text(found)) : std::nullopt;
}

std::optional<std::string_view> TypeReader::name(const TypeHead& head) const {
  auto name = name_at(module_.types + head.name_offset);
  if (name && (head.tags & kNameHasExtraStar) != 0 && name->starts_with('*')) {
    name->remove_prefix(1);
  }
  return name;
}

std::optional<std::string_view> TypeReader::package(std::uint64_t type,
                                                    const TypeHead& head) const {
  if ((head.tags & kHasUncommon) == 0 || head.kind != Kind::structure) return std::nullopt;
  const auto offset = base::ByteReader(elf_.bytes_at(type + kStructBytes, sizeof(std::uint32_t)))
                          .read_struct<std::uint32_t>();
  return offset ? name_at(module_.types + *offset) : std::nullopt;
}

std::optional<std::uint64_t> TypeReader::pointee(std::uint64_t type, const TypeHead& head) const {
  if (head.kind != Kind::pointer) return std::nullopt;
  return elf_.read_pointer(type + kPointeeAt);
}

std::optional<StructFields> TypeReader::fields(std::uint64_t type, const TypeHead& head) const {
  if (head.kind != Kind::structure) return std::nullopt;
  const auto address = elf_.read_pointer(type + kFieldsAt);
  const auto count = elf_.read_u64(type + kFieldCountAt);
  if (!address || !count || *count > kMaxStructFields) return std::nullopt;
  return StructFields{.address = *address, .count = *count};
}

std::optional<StructField> TypeReader::field(const StructFields& fields,
                                             std::uint64_t index) const {
  const std::uint64_t at = fields.address + index * kFieldBytes;
  const auto name_address = elf_.read_pointer(at);
  const auto type = elf_.read_pointer(at + 8);
  const auto raw_offset = elf_.read_u64(at + 16);
  if (!name_address || !type || !raw_offset) return std::nullopt;
  const auto name = name_at(*name_address);
  if (!name) return std::nullopt;
  // Until 1.18 the lowest bit says whether the field is embedded.
  return StructField{.name = *name,
                     .type = *type,
                     .offset = offsets_are_shifted_ ? *raw_offset >> 1 : *raw_offset};
}

}  // namespace beyla::probes::go
