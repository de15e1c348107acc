#include "export/aggregate/series_store.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/fingerprint.h"
#include "export/aggregate/metric_names.h"
#include "export/text/label_text.h"

namespace beyla::exporters::aggregate {
namespace {

constexpr std::size_t kLabels = 4;
constexpr std::size_t kMaxBlocks =
    (kLabels * text::kMaxLabelTextBytes - SeriesRecord::kTextBytes + TextBlock::kTextBytes - 1) /
    TextBlock::kTextBytes;

std::uint64_t fingerprint_of_layout() {
  base::Fingerprint fingerprint;
  fingerprint.add(kSeriesVersion);
  for (const std::uint64_t bound : kDurationBoundsNs) fingerprint.add(bound);
  for (const std::uint64_t bound : kSizeBoundsBytes) fingerprint.add(bound);
  for (const MetricNames& names : metric_names()) fingerprint.add(names.duration.name);
  return fingerprint.value();
}

// At once, in all families.
std::size_t live_series(std::size_t max_series) { return max_series * metric_names().size(); }

}  // namespace

std::size_t SeriesStore::region_bytes(std::size_t max_series) {
  const std::size_t live = live_series(max_series);
  return sizeof(SeriesHead) + 2 * live * sizeof(SeriesRecord) +
         live * kMaxBlocks * sizeof(TextBlock);
}

SeriesStore::SeriesStore(base::Ledger& ledger, std::size_t region, std::size_t max_series)
    : ledger_(ledger),
      region_(region),
      record_count_(static_cast<std::uint32_t>(2 * live_series(max_series))),
      block_count_(static_cast<std::uint32_t>(live_series(max_series) * kMaxBlocks)),
      fingerprint_(fingerprint_of_layout()) {
  assert(metric_names().size() <= kMaxFamilies);
  assert(ledger.committed(region).size() == region_bytes(max_series));
}

template <typename T>
T SeriesStore::read(std::size_t offset) const {
  T value;
  std::memcpy(&value, ledger_.committed(region_).subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

template <typename T>
void SeriesStore::stage(std::size_t offset, const T& value) {
  ledger_.stage(region_, offset, std::as_bytes(std::span(&value, 1)));
}

std::size_t SeriesStore::record_offset(std::uint32_t index) const {
  return sizeof(SeriesHead) + index * sizeof(SeriesRecord);
}

std::size_t SeriesStore::block_offset(std::uint32_t block) const {
  return record_offset(record_count_) + block * sizeof(TextBlock);
}

bool SeriesStore::is_ours() const { return read<std::uint64_t>(0) == fingerprint_; }

SeriesTotals SeriesStore::totals() const {
  const auto head = read<SeriesHead>(0);
  return head.fingerprint == fingerprint_ ? head.totals : SeriesTotals{};
}

bool SeriesStore::is_used(std::uint32_t index) const {
  return read<std::uint32_t>(record_offset(index)) != 0;
}

void SeriesStore::read_value(std::uint32_t index, SeriesValue& out) const {
  const std::size_t offset = record_offset(index) + offsetof(SeriesRecord, value);
  std::memcpy(&out, ledger_.committed(region_).subspan(offset, sizeof(out)).data(), sizeof(out));
}

std::optional<SeriesKey> SeriesStore::adopt(std::uint32_t index) {
  const auto record = read<SeriesRecord>(record_offset(index));
  SeriesKey key{static_cast<model::MetricFamily>(record.family),
                static_cast<model::Role>(record.role),
                record.is_overflow == 1,
                "",
                "",
                "",
                ""};
  if (record.is_used != 1 || record.is_overflow > 1) return std::nullopt;
  const MetricNames* const names = find_metric_names(key.family, key.role);
  if (names == nullptr) return std::nullopt;
  Blocks blocks;
  const auto text = read_text(record, blocks);
  std::size_t begin = 0;
  bool is_right = text && (text->empty() || !key.is_overflow) &&
                  (record.text_bytes[3] == 0 || names->has_route());
  for (auto [label, bytes] : {std::pair{&key.operation, record.text_bytes[0]},
                              std::pair{&key.outcome, record.text_bytes[1]},
                              std::pair{&key.service, record.text_bytes[2]},
                              std::pair{&key.route, record.text_bytes[3]}}) {
    if (!is_right) break;
    *label = text->substr(begin, bytes);
    begin += bytes;
    is_right = text::is_label_text(*label);
  }
  if (!is_right) {
    for (const std::uint32_t block : blocks) adopted_[block] = false;
    return std::nullopt;
  }
  if (!blocks.empty()) blocks_by_record_.emplace(index, std::move(blocks));
  return key;
}

// Takes the blocks as it goes; nullopt: those that are left in `blocks` are to be given back.
std::optional<std::string> SeriesStore::read_text(const SeriesRecord& record, Blocks& blocks) {
  std::size_t left = 0;
  for (const std::uint16_t bytes : record.text_bytes) {
    if (bytes > text::kMaxLabelTextBytes) return std::nullopt;
    left += bytes;
  }
  std::string text(record.text.data(), std::min(left, record.text.size()));
  left -= text.size();
  std::uint32_t next = record.first_block;
  while (left > 0) {
    if (next == 0 || !take_block(next - 1)) return std::nullopt;
    blocks.push_back(next - 1);
    const auto block = read<TextBlock>(block_offset(next - 1));
    const std::size_t count = std::min(left, block.text.size());
    text.append(block.text.data(), count);
    left -= count;
    next = block.next;
  }
  if (next != 0) return std::nullopt;
  return text;
}

bool SeriesStore::take_block(std::uint32_t block) {
  if (block >= block_count_) return false;
  if (block >= adopted_.size()) adopted_.resize(block + 1);
  if (adopted_[block]) return false;
  adopted_[block] = true;
  return true;
}

void SeriesStore::end_adoption(std::uint32_t records) {
  next_block_ = static_cast<std::uint32_t>(adopted_.size());
  for (std::uint32_t block = next_block_; block-- > 0;) {
    if (!adopted_[block]) free_blocks_.push_back(block);
  }
  adopted_ = {};
  ledger_.wipe(region_, record_offset(records), record_offset(record_count_));
  ledger_.wipe(region_, block_offset(next_block_), block_offset(block_count_));
}

void SeriesStore::wipe() { ledger_.wipe(region_, 0, block_offset(block_count_)); }

void SeriesStore::stage_totals(const SeriesTotals& totals) {
  stage(0, SeriesHead{fingerprint_, totals});
}

void SeriesStore::stage_series(std::uint32_t index, const SeriesKey& key,
                               const SeriesValue& value) {
  SeriesRecord record;
  record.is_used = 1;
  record.family = static_cast<std::uint8_t>(key.family);
  record.role = static_cast<std::uint8_t>(key.role);
  record.is_overflow = key.is_overflow ? 1 : 0;
  record.text_bytes = {static_cast<std::uint16_t>(key.operation.size()),
                       static_cast<std::uint16_t>(key.outcome.size()),
                       static_cast<std::uint16_t>(key.service.size()),
                       static_cast<std::uint16_t>(key.route.size())};
  const std::string text = key.operation + key.outcome + key.service + key.route;
  const std::size_t inside = text.copy(record.text.data(), record.text.size());
  if (Blocks blocks = stage_blocks(std::string_view(text).substr(inside)); !blocks.empty()) {
    record.first_block = blocks.front() + 1;
    blocks_by_record_.emplace(index, std::move(blocks));
  }
  record.value = value;
  stage(record_offset(index), record);
}

// There is always one left: block_count_ is for all series with their longest texts.
SeriesStore::Blocks SeriesStore::stage_blocks(std::string_view text) {
  Blocks blocks((text.size() + TextBlock::kTextBytes - 1) / TextBlock::kTextBytes);
  for (std::uint32_t& block : blocks) {
    if (free_blocks_.empty()) free_blocks_.push_back(next_block_++);
    block = free_blocks_.back();
    free_blocks_.pop_back();
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    TextBlock block;
    block.next = i + 1 < blocks.size() ? blocks[i + 1] + 1 : 0;
    text.copy(block.text.data(), block.text.size(), i * TextBlock::kTextBytes);
    stage(block_offset(blocks[i]), block);
  }
  return blocks;
}

void SeriesStore::stage_value(std::uint32_t index, const SeriesValue& value) {
  stage(record_offset(index) + offsetof(SeriesRecord, value), value);
}

void SeriesStore::stage_free(std::uint32_t index) {
  stage(record_offset(index), std::uint32_t{0});
  const auto blocks = blocks_by_record_.find(index);
  if (blocks == blocks_by_record_.end()) return;
  free_blocks_.insert(free_blocks_.end(), blocks->second.begin(), blocks->second.end());
  blocks_by_record_.erase(blocks);
}

}  // namespace beyla::exporters::aggregate
