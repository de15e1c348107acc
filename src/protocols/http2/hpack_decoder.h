// HPACK (RFC 7541) as a bystander reads it: who joins in the middle of a connection knows the
// static table and every entry that was inserted since, and says "unknown" of the rest, never a
// wrong field. Indices count from the newest entry and eviction takes the oldest, so that this
// needs no resync. One per direction of a connection (promised requests are in the direction of the
// responses). The shard's thread only. Never throws, memory is bounded.
//
// An encoder that names a field by an entry which we never saw hands the unknown name on from entry
// to entry, for as long as it uses the field: where the static table has no such name (traceparent,
// grpc-status, te), that may last as long as the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "protocols/http2/header_field.h"
#include "protocols/http2/header_selection.h"

namespace beyla::protocols::http2 {

class HpackTable;

// A string of more bytes on the wire is unknown; what it stands in is right nonetheless.
constexpr std::uint32_t kMaxHpackStringBytes = 8 * 1024;
// As SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 §6.5.2): 32 and what is told for each field. So
// a short block cannot unfold into much.
constexpr std::uint32_t kMaxHeaderListBytes = 64 * 1024;
// Of one decoder, by kMaxTableBytes.
constexpr std::size_t kMaxHpackMemoryBytes = 40 * 1024;

class HpackDecoder {
 public:
  // wanted: outlives this. Names are always told. Values of others are passed over: the Huffman
  // code in them is not checked.
  explicit HpackDecoder(const HeaderSelection& wanted = kEveryHeader);
  explicit HpackDecoder(HeaderSelection&& wanted) = delete;  // it would dangle
  ~HpackDecoder();
  HpackDecoder(HpackDecoder&&) noexcept;
  HpackDecoder& operator=(HpackDecoder&&) noexcept;

  // One whole header block: all fragments joined, without padding and priority. Fields come in
  // order. false: it breaks RFC 7541 or a limit of ours; what the sink got up to there was right,
  // and the table has been emptied. A block that was cut between two fields looks whole: then
  // forget() is the caller's to call. The sink must not call back.
  [[nodiscard]] bool decode(std::span<const std::byte> block, HeaderFieldSink& sink);
  // Of the table, from the next block on; what does not fit is unknown. REQUIRES:
  // kDefaultTableBytes to kMaxTableBytes.
  void set_max_table_bytes(std::uint32_t bytes) { max_table_bytes_ = bytes; }
  // A block was missed, or a part of one: as if we joined now.
  void forget();
  // On the heap, for the books of memory: 0 until an entry is inserted or a size is told, never
  // more than kMaxHpackMemoryBytes.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  const HeaderSelection* wanted_;
  std::uint32_t max_table_bytes_;
  std::unique_ptr<HpackTable> table_;  // null: empty, its size was never told
};

}  // namespace beyla::protocols::http2
