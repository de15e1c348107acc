#include "probes/elf/pointer_encoding.h"

namespace beyla::probes::elf {
namespace {

constexpr std::uint8_t kFormatMask = 0x0f;
constexpr std::uint8_t kAbsolutePointer = 0x00;  // DW_EH_PE_absptr, likewise the next
constexpr std::uint8_t kUnsigned4 = 0x03;
constexpr std::uint8_t kUnsigned8 = 0x04;
constexpr std::uint8_t kSigned4 = 0x0b;
constexpr std::uint8_t kSigned8 = 0x0c;
constexpr std::uint8_t kRelativeToPlace = 0x10;

template <typename T>
std::optional<std::uint64_t> widened(std::optional<T> number) {
  if (!number) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

}  // namespace

std::optional<std::uint64_t> read_uleb128(base::ByteReader& reader) {
  constexpr unsigned kBitsPerByte = 7;
  constexpr std::uint8_t kGoesOn = 0x80;
  std::uint64_t number = 0;
  for (unsigned shift = 0; shift + kBitsPerByte <= 63; shift += kBitsPerByte) {
    const auto byte = reader.read_u8();
    if (!byte) return std::nullopt;
    number |= std::uint64_t{*byte} % kGoesOn << shift;
    if (*byte < kGoesOn) return number;
  }
  return std::nullopt;
}

bool PointerEncoding::is_known() const {
  const auto base = code_ & ~kFormatMask;
  if (base != 0 && base != kRelativeToPlace) return false;
  switch (code_ & kFormatMask) {
    case kAbsolutePointer:
    case kUnsigned4:
    case kUnsigned8:
    case kSigned4:
    case kSigned8: return true;
    default: return false;
  }
}

std::optional<std::uint64_t> PointerEncoding::read_number(base::ByteReader& reader) const {
  switch (code_ & kFormatMask) {
    case kAbsolutePointer:
    case kUnsigned8: return reader.read_struct<std::uint64_t>();
    case kUnsigned4: return widened(reader.read_struct<std::uint32_t>());
    case kSigned4: return widened(reader.read_struct<std::int32_t>());
    case kSigned8: return widened(reader.read_struct<std::int64_t>());
    default: return std::nullopt;
  }
}

std::optional<std::uint64_t> PointerEncoding::read_pointer(base::ByteReader& reader,
                                                           std::uint64_t place) const {
  if (!is_known()) return std::nullopt;
  const auto number = read_number(reader);
  if (!number || (code_ & kRelativeToPlace) == 0) return number;
  return *number + place;
}

}  // namespace beyla::probes::elf
