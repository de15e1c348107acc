// HPACK (RFC 7541) as a bystander reads it: who joins in the middle of a connection knows the
// static table and every entry that was inserted since, and says "unknown" of the rest, never a
// wrong field. Indices count from the newest entry and eviction takes the oldest, so that this
// needs no resync. One per direction of a connection. The shard's thread only. Never throws, memory
// is bounded.
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
// As SETTINGS_MAX_HEADER_LIST_SIZE counts: names, values and 32 for each field (RFC 9113 §6.5.2);
// strings that are not decoded count as they are sent. What one block costs is bounded by that.
constexpr std::uint32_t kMaxHeaderListBytes = 64 * 1024;

class HpackDecoder {
 public:
  // wanted: outlives this. Names are always told. Values of others are passed over: the Huffman
  // code in them is not checked.
  explicit HpackDecoder(const HeaderSelection& wanted = kEveryHeader);
  ~HpackDecoder();
  HpackDecoder(HpackDecoder&&) noexcept;
  HpackDecoder& operator=(HpackDecoder&&) noexcept;

  // One whole header block: all fragments joined, without padding and priority. Fields come in
  // order. false: it breaks RFC 7541 or a limit of ours; what the sink got up to there was right,
  // and the table has been emptied. A block that was cut between two fields looks whole: then
  // forget() is the caller's to call. The sink must not call back.
  [[nodiscard]] bool decode(std::span<const std::byte> block, HeaderFieldSink& sink);
  // A block was missed, or a part of one: as if we joined now.
  void forget();
  // On the heap, for the books of memory: 0 until an entry is inserted, never more than
  // 16 bytes * kMaxEntries + 2 * kMaxTableBytes and some.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  const HeaderSelection* wanted_;
  std::unique_ptr<HpackTable> table_;  // null: empty, its size was never told
};

}  // namespace beyla::protocols::http2
