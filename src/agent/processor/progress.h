// How far the work has come in the kernel's ring, kept in a region of the ledger: where a successor
// goes on, and how many have ended right there. The shard's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/ledger.h"

namespace beyla::processor {

class Progress {
 public:
  [[nodiscard]] static std::size_t region_bytes();

  // Borrows the ledger: one with a region of that size.
  Progress(base::Ledger& ledger, std::size_t region);

  // Where the predecessor stood in the ring; nullopt: there was none.
  [[nodiscard]] std::optional<std::uint64_t> predecessor_position() const;

  // Stages that the records behind `position` are begun: commit it before the first is looked at.
  // Out: how many predecessors have begun there and came no further.
  [[nodiscard]] std::uint64_t begin(std::uint64_t position);
  // Stages that all before `position` is done. Nothing, where it is there already.
  void stage(std::uint64_t position);

 private:
  struct Record {
    std::uint64_t version = 0;  // 0: nothing was committed yet
    std::uint64_t ring_position = 0;
    std::uint64_t attempts = 0;  // to get from there to a commit
  };
  void write(const Record& record);

  base::Ledger& ledger_;
  std::size_t region_;
  Record predecessor_;
  std::optional<std::uint64_t> staged_position_;
};

}  // namespace beyla::processor
