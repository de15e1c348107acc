// One walk over one header block. Within hpack_decoder.cpp only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/byte_reader.h"
#include "base/wipe.h"
#include "protocols/http2/hpack_decoder.h"
#include "protocols/http2/hpack_table.h"
#include "protocols/http2/huffman.h"

namespace beyla::protocols::http2 {

// Where one string is decoded or copied to; not initialised, wiped as far as it was used.
class StringRoom {
 public:
  StringRoom() = default;
  StringRoom(const StringRoom&) = delete;
  StringRoom& operator=(const StringRoom&) = delete;
  ~StringRoom() { base::wipe(std::as_writable_bytes(std::span(bytes_).first(used_))); }

  // REQUIRES: no more than kMaxHpackStringBytes. nullopt: not in that code.
  [[nodiscard]] std::optional<std::string_view> decode(std::span<const std::byte> encoded);
  [[nodiscard]] std::string_view copy(std::string_view text);

 private:
  std::array<char, huffman_room(kMaxHpackStringBytes)> bytes_;
  std::size_t used_ = 0;
};

class HpackBlock {
 public:
  // All outlive this. table is made when it is needed, and may keep max_table_bytes.
  HpackBlock(std::span<const std::byte> block, const HeaderSelection& wanted,
             std::unique_ptr<HpackTable>& table, std::uint32_t max_table_bytes,
             HeaderFieldSink& sink)
      : reader_(block),
        wanted_(wanted),
        table_(table),
        max_table_bytes_(max_table_bytes),
        sink_(sink) {}

  // false: see HpackDecoder::decode().
  [[nodiscard]] bool walk();

 private:
  enum class Insertion : std::uint8_t { none, newest };

  [[nodiscard]] bool read_representation(std::uint8_t first);
  [[nodiscard]] bool read_indexed(std::uint8_t first);
  [[nodiscard]] bool read_literal(std::uint8_t first, unsigned prefix_bits, Insertion insertion);
  [[nodiscard]] bool read_table_size(std::uint8_t first);
  [[nodiscard]] bool read_name(std::uint8_t first, unsigned prefix_bits, TableField& read);
  [[nodiscard]] bool read_string(bool wanted, StringRoom& room,
                                 std::optional<std::string_view>& text);
  // Unknown where it was not found. REQUIRES: an index behind the static table.
  void find(std::uint32_t index, TableField& found);
  [[nodiscard]] bool report(const HeaderField& field);
  HpackTable& table();

  base::ByteReader reader_;
  const HeaderSelection& wanted_;
  std::unique_ptr<HpackTable>& table_;
  std::uint32_t max_table_bytes_;
  HeaderFieldSink& sink_;
  std::uint32_t list_bytes_ = 0;
  bool has_fields_ = false;
  StringRoom name_room_;
  StringRoom value_room_;
};

}  // namespace beyla::protocols::http2
