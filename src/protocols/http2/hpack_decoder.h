// HPACK (RFC 7541) as a bystander reads it: who joins in the middle of a connection knows the static
// table and every entry that was inserted since, and says "unknown" of the rest, never a wrong field.
// Indices count from the newest entry and eviction takes the oldest, so that this needs no resync.
// One per direction of a connection. The shard's thread only. Never throws, memory is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace beyla::protocols::http2 {

// Raw bytes as sent, dead when the sink returns. nullopt: stands in an entry that we never saw.
struct HeaderField {
  std::optional<std::string_view> name;
  std::optional<std::string_view> value;
};

class HeaderFieldSink {
 public:
  virtual ~HeaderFieldSink() = default;
  virtual void on_field(const HeaderField& field) = 0;
};

class HpackDecoder {
 public:
  HpackDecoder();
  ~HpackDecoder();
  HpackDecoder(HpackDecoder&&) noexcept;
  HpackDecoder& operator=(HpackDecoder&&) noexcept;

  // One whole header block: all fragments joined, without padding and priority. Fields come in order.
  // false: it breaks RFC 7541 or a limit of ours; what the sink got up to there was right, and the
  // table has been emptied.
  [[nodiscard]] bool decode(std::span<const std::byte> block, HeaderFieldSink& sink);
  // A block was missed, or a part of one: as if we joined now.
  void forget();
  // Entries and strings, in bytes; for the books of memory.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  class Table;
  std::unique_ptr<Table> table_;
};

}  // namespace beyla::protocols::http2
