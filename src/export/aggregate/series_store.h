// Series in a region of a ledger, by index. What is read is committed, what is staged is not; who
// owns which index is the caller's business. The thread that commits the ledger; where it says so
// any other that holds Ledger::read().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ledger.h"
#include "export/aggregate/series_record.h"

namespace beyla::exporters::aggregate {

class SeriesStore {
 public:
  // Room for twice as many records as there are series: an index is free again only when the end of
  // its series is committed. REQUIRES: max_series (of one family) > 0.
  [[nodiscard]] static std::size_t region_bytes(std::size_t max_series);

  // Borrows the ledger. REQUIRES: a region of region_bytes(max_series).
  SeriesStore(base::Ledger& ledger, std::size_t region, std::size_t max_series);

  // The region was written with the same structs, bounds and families. Any thread.
  [[nodiscard]] bool is_ours() const;
  // Zeros where it is not ours. Any thread.
  [[nodiscard]] SeriesTotals totals() const;
  [[nodiscard]] bool is_used(std::uint32_t index) const;         // any thread
  void read_value(std::uint32_t index, SeriesValue& out) const;  // any thread
  [[nodiscard]] std::uint32_t record_count() const { return record_count_; }

  // Takes over what a predecessor left at this index: its key, checked, and its text's blocks.
  // nullopt: it is no series; nothing is taken. Call before any stage_series().
  [[nodiscard]] std::optional<SeriesKey> adopt(std::uint32_t index);
  // All that is to be has been adopted, of the indices below `records`; the rest of the region is
  // wiped.
  void end_adoption(std::uint32_t records);
  // Nothing of the region is to be adopted: all of it is wiped.
  void wipe();

  void stage_totals(const SeriesTotals& totals);
  void stage_series(std::uint32_t index, const SeriesKey& key, const SeriesValue& value);
  void stage_value(std::uint32_t index, const SeriesValue& value);
  void stage_free(std::uint32_t index);

 private:
  using Blocks = std::vector<std::uint32_t>;
  template <typename T>
  [[nodiscard]] T read(std::size_t offset) const;
  template <typename T>
  void stage(std::size_t offset, const T& value);
  [[nodiscard]] std::size_t record_offset(std::uint32_t index) const;
  [[nodiscard]] std::size_t block_offset(std::uint32_t block) const;
  [[nodiscard]] std::optional<std::string> read_text(const SeriesRecord& record, Blocks& blocks);
  [[nodiscard]] bool take_block(std::uint32_t block);
  [[nodiscard]] Blocks stage_blocks(std::string_view text);

  base::Ledger& ledger_;
  const std::size_t region_;
  const std::uint32_t record_count_;
  const std::uint32_t block_count_;
  const std::uint64_t fingerprint_;
  std::uint32_t next_block_ = 0;  // none has been used from here on
  Blocks free_blocks_;            // below it
  std::vector<bool> adopted_;     // blocks, by index; empty but during adoption
  std::unordered_map<std::uint32_t, Blocks> blocks_by_record_;  // of those that have any
};

}  // namespace beyla::exporters::aggregate
