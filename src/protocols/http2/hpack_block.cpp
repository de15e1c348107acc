#include "protocols/http2/hpack_block.h"

#include <algorithm>

#include "protocols/http2/hpack_integer.h"
#include "protocols/http2/hpack_static_table.h"

namespace beyla::protocols::http2 {
namespace {

// RFC 7541 §6: the highest bits of a representation say which, the rest begins an integer.
constexpr std::uint8_t kIndexed = 0x80;           // §6.1
constexpr std::uint8_t kIncrementalIndex = 0x40;  // §6.2.1
constexpr std::uint8_t kTableSize = 0x20;         // §6.3; below: §6.2.2 and §6.2.3, not indexed
constexpr unsigned kIndexedPrefix = 7;
constexpr unsigned kIncrementalPrefix = 6;
constexpr unsigned kTableSizePrefix = 5;
constexpr unsigned kNotIndexedPrefix = 4;
constexpr std::uint8_t kHuffman = 0x80;  // §5.2
constexpr unsigned kStringPrefix = 7;

}  // namespace

std::optional<std::string_view> StringRoom::decode(std::span<const std::byte> encoded) {
  const auto length = huffman_decode(encoded, bytes_);
  // Symbols were written also where the end was found to be wrong.
  used_ = std::max(used_, length ? *length + 1 : huffman_room(encoded.size()));
  if (!length) return std::nullopt;
  return std::string_view(bytes_.data(), *length);
}

std::string_view StringRoom::copy(std::string_view text) {
  std::ranges::copy(text, bytes_.data());  // its data() may be null
  used_ = std::max(used_, text.size());
  return {bytes_.data(), text.size()};
}

bool HpackBlock::walk() {
  if (table_ != nullptr) table_->set_max_bytes(max_table_bytes_);
  while (const auto first = reader_.read_u8()) {
    if (!read_representation(*first)) return false;
  }
  return true;
}

bool HpackBlock::read_representation(std::uint8_t first) {
  if ((first & kIndexed) != 0) return read_indexed(first);
  if ((first & kIncrementalIndex) != 0) {
    return read_literal(first, kIncrementalPrefix, Insertion::newest);
  }
  if ((first & kTableSize) != 0) return read_table_size(first);
  return read_literal(first, kNotIndexedPrefix, Insertion::none);
}

bool HpackBlock::read_indexed(std::uint8_t first) {
  const auto index = read_hpack_integer(reader_, first, kIndexedPrefix);
  if (!index || *index == 0) return false;
  if (*index <= kStaticFields) return report(kStaticTable[*index - 1]);
  TableField found;
  find(*index, found);
  return report(found.field);
}

bool HpackBlock::read_literal(std::uint8_t first, unsigned prefix_bits, Insertion insertion) {
  TableField read;
  if (!read_name(first, prefix_bits, read)) return false;
  if (!read_string(read.wanted, value_room_, read.field.value)) return false;
  if (!report(read.field)) return false;
  if (insertion == Insertion::newest) table().insert(read);
  return true;
}

// Only in front of all fields (RFC 7541 §4.2). How large it may be stands in SETTINGS of the other
// direction, which are not always seen.
bool HpackBlock::read_table_size(std::uint8_t first) {
  const auto table_bytes = read_hpack_integer(reader_, first, kTableSizePrefix);
  if (!table_bytes || has_fields_) return false;
  table().resize(*table_bytes);
  return true;
}

bool HpackBlock::read_name(std::uint8_t first, unsigned prefix_bits, TableField& read) {
  const auto index = read_hpack_integer(reader_, first, prefix_bits);
  if (!index) return false;
  auto& name = read.field.name;
  if (*index == 0) {
    if (!read_string(true, name_room_, name)) return false;
    read.wanted = name ? wanted_.wants(*name) : wanted_.all();
    return true;
  }
  if (*index <= kStaticFields) {
    name = kStaticTable[*index - 1].name;
    read.static_name = static_cast<std::uint8_t>(*index);
    read.wanted = wanted_.wants_static(*index);
    return true;
  }
  find(*index, read);
  read.field.value.reset();
  // What is inserted may evict where the name comes from (RFC 7541 §4.4).
  if (name && read.static_name == 0) name = name_room_.copy(*name);
  return true;
}

bool HpackBlock::read_string(bool wanted, StringRoom& room, std::optional<std::string_view>& text) {
  const auto first = reader_.read_u8();
  if (!first) return false;
  const auto length = read_hpack_integer(reader_, *first, kStringPrefix);
  if (!length) return false;
  const auto bytes = reader_.read_bytes(*length);
  if (!bytes) return false;
  if (!wanted || *length > kMaxHpackStringBytes) return true;
  if ((*first & kHuffman) == 0) {
    text = base::as_text(*bytes);
    return true;
  }
  text = room.decode(*bytes);
  return text.has_value();
}

void HpackBlock::find(std::uint32_t index, TableField& found) {
  if (table_ != nullptr && table_->find(index - kStaticFields - 1, found)) return;
  found.wanted = wanted_.all();
}

bool HpackBlock::report(const HeaderField& field) {
  has_fields_ = true;
  const std::size_t bytes = kEntryOverhead + (field.name ? field.name->size() : 0) +
                            (field.value ? field.value->size() : 0);
  list_bytes_ += static_cast<std::uint32_t>(bytes);
  if (list_bytes_ > kMaxHeaderListBytes) return false;
  sink_.on_field(field);
  return true;
}

HpackTable& HpackBlock::table() {
  if (table_ == nullptr) {
    table_ = std::make_unique<HpackTable>();
    table_->set_max_bytes(max_table_bytes_);
  }
  return *table_;
}

}  // namespace beyla::protocols::http2
