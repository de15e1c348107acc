// The dynamic table of HPACK (RFC 7541 §2.3.2) as a bystander has it: of the entries that the
// encoder has, the newest ones. An entry that has left the encoder's table may stay here: it is
// never named again. So only memory needs a bound, and what the bound takes is unknown then, not
// wrong. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "protocols/http2/header_field.h"
#include "protocols/http2/string_queue.h"

namespace beyla::protocols::http2 {

constexpr std::uint32_t kEntryOverhead = 32;         // RFC 7541 §4.1
constexpr std::uint32_t kDefaultTableBytes = 4096;   // RFC 9113 §6.5.2
constexpr std::uint32_t kMaxTableBytes = 16 * 1024;  // of ours: who uses more is forgotten sooner
constexpr std::uint32_t kMaxEntries = kMaxTableBytes / kEntryOverhead;

struct TableField {
  HeaderField field;
  std::uint8_t static_name = 0;  // the index of its name in the static table, or 0
  bool wanted = false;           // somebody wants values of that name
};

class HpackTable {
 public:
  // age: 0 is the newest. Views until the next insert(). false: inserted before we joined, dropped
  // by our limit, or never inserted; found is as it was. An entry that our limit took shows that
  // the encoder has a larger table than we know of: the limit grows.
  [[nodiscard]] bool find(std::uint32_t age, TableField& found);
  // Never refused: an entry too large for the encoder's table empties that, and what we hold is not
  // named. REQUIRES: name and value stand outside of the table.
  void insert(const TableField& field);
  // The encoder's table has that size (RFC 7541 §4.3).
  void resize(std::uint32_t table_bytes);
  // Of ours, from now on. Memory that is there stays. REQUIRES: kDefaultTableBytes to
  // kMaxTableBytes.
  void set_max_bytes(std::uint32_t bytes);
  void forget();
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Entry {
    StringQueue::Position position;
    std::uint16_t name_bytes;  // 0 for a static name: it does not stand in the queue
    std::uint16_t value_bytes;
    std::uint8_t static_name;
    bool knows_name;
    bool knows_value;
    bool wanted;
  };

  [[nodiscard]] Entry& entry(std::uint32_t age) const {
    return entries_[(inserted_ - 1 - age) & (capacity_ - 1)];
  }
  [[nodiscard]] static std::uint32_t bytes_of(const Entry& entry);
  void evict_down_to(std::uint32_t table_bytes);
  void make_room_for_one();

  std::unique_ptr<Entry[]> entries_;  // a ring by order of insertion
  StringQueue strings_;
  std::uint32_t capacity_ = 0;  // of the ring; a power of two
  std::uint32_t count_ = 0;
  std::uint32_t inserted_ = 0;  // since we joined; wraps
  std::uint32_t droppable_ =
      0;  // entries that our limit dropped and the encoder may name; saturates
  // At least what these entries count for in the encoder's table, whose sizes include values that
  // we do not want: so ours never goes before the encoder's goes.
  std::uint32_t table_bytes_ = 0;
  std::uint32_t limit_ = kDefaultTableBytes;  // never above max_bytes_
  std::uint32_t max_bytes_ = kMaxTableBytes;
};

}  // namespace beyla::protocols::http2
