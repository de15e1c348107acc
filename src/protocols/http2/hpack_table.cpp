#include "protocols/http2/hpack_table.h"

#include <algorithm>
#include <utility>

#include "protocols/http2/hpack_static_table.h"

namespace beyla::protocols::http2 {
namespace {

constexpr std::uint32_t kMinRing = 8;

std::uint32_t size_of(const std::optional<std::string_view>& text) {
  return text ? static_cast<std::uint32_t>(text->size()) : 0;
}

std::string_view static_name_of(std::uint8_t index) { return *kStaticTable[index - 1U].name; }

}  // namespace

bool HpackTable::find(std::uint32_t age, TableField& found) {
  if (age >= count_) {
    const bool was_ours = age - count_ < droppable_;
    if (was_ours) limit_ = std::min(2 * limit_, max_bytes_);
    return false;
  }
  const Entry& held = entry(age);
  found.static_name = held.static_name;
  found.wanted = held.wanted;
  if (held.static_name != 0) {
    found.field.name = static_name_of(held.static_name);
  } else if (held.knows_name) {
    found.field.name = strings_.view(held.position, held.name_bytes);
  }
  if (held.knows_value) {
    found.field.value = strings_.view(held.position + held.name_bytes, held.value_bytes);
  }
  return true;
}

void HpackTable::insert(const TableField& inserted) {
  const auto& [name, value] = inserted.field;
  const bool fits = kEntryOverhead + size_of(name) + size_of(value) <= limit_;
  const bool holds_name = fits && inserted.static_name == 0;
  Entry made{.position = 0,
             .name_bytes = static_cast<std::uint16_t>(holds_name ? size_of(name) : 0),
             .value_bytes = static_cast<std::uint16_t>(fits ? size_of(value) : 0),
             .static_name = inserted.static_name,
             .knows_name = holds_name && name,
             .knows_value = fits && value,
             .wanted = inserted.wanted};
  const std::uint32_t bytes = bytes_of(made);
  evict_down_to(limit_ - std::min(limit_, bytes));
  make_room_for_one();
  made.position = strings_.end();
  if (made.knows_name) strings_.append(*name);
  if (made.knows_value) strings_.append(*value);
  ++inserted_;
  ++count_;
  table_bytes_ += bytes;
  entry(0) = made;
}

void HpackTable::resize(std::uint32_t table_bytes) {
  limit_ = std::min(table_bytes, max_bytes_);
  evict_down_to(limit_);
  // Evicted by the encoder, too, unless it holds more than we do.
  if (table_bytes <= max_bytes_) droppable_ = 0;
}

void HpackTable::set_max_bytes(std::uint32_t bytes) {
  max_bytes_ = bytes;
  limit_ = std::min(limit_, bytes);
  evict_down_to(limit_);
}

void HpackTable::forget() {
  evict_down_to(0);
  droppable_ = 0;
  limit_ = std::max(limit_, kDefaultTableBytes);  // it may have grown where we did not see
}

std::size_t HpackTable::memory_bytes() const {
  return sizeof(*this) + capacity_ * sizeof(Entry) + strings_.memory_bytes();
}

std::uint32_t HpackTable::bytes_of(const Entry& entry) {
  const auto static_bytes = entry.static_name == 0 ? 0 : static_name_of(entry.static_name).size();
  return kEntryOverhead + static_cast<std::uint32_t>(static_bytes) + entry.name_bytes +
         entry.value_bytes;
}

void HpackTable::evict_down_to(std::uint32_t table_bytes) {
  const std::uint32_t before = count_;
  while (count_ > 0 && table_bytes_ > table_bytes) {
    table_bytes_ -= bytes_of(entry(count_ - 1));
    --count_;
  }
  if (count_ == before) return;
  droppable_ = std::min(droppable_ + (before - count_), kMaxTableBytes);
  strings_.drop_before(count_ == 0 ? strings_.end() : entry(count_ - 1).position);
}

void HpackTable::make_room_for_one() {
  if (count_ < capacity_) return;
  const std::uint32_t capacity = std::max(2 * capacity_, kMinRing);
  auto larger = std::make_unique_for_overwrite<Entry[]>(capacity);
  for (std::uint32_t age = 0; age < count_; ++age) {
    larger[(inserted_ - 1 - age) & (capacity - 1)] = entry(age);
  }
  entries_ = std::move(larger);
  capacity_ = capacity;
}

}  // namespace beyla::protocols::http2
