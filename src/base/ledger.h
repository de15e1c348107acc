// Memory that outlives its process and changes only in whole transactions: regions of fixed size in
// a memfd that somebody else holds, too. A writer killed at any instruction leaves the last commit,
// whole; who opens the memfd next goes on from there. What a predecessor left is hostile input:
// open() checks the frame and the log, the readers of each region check its content.
// One thread stages and commits; any thread may read what is committed, under read().
// System calls behind open(): madvise(MADV_REMOVE) in wipe() and after a large commit, no other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <vector>

#include "base/ledger_layout.h"
#include "base/memory_map.h"
#include "base/redo_log.h"
#include "base/result.h"

namespace beyla::base {

class Ledger {
 public:
  // Memory of the log that is kept from one commit to the next; what a larger one took is given
  // back.
  static constexpr std::size_t kKeptLogBytes = 256UL << 10U;

  // An empty memfd is laid out; one that a predecessor laid out alike is resumed, after a commit
  // that it did not finish is. Any other content: as if empty. The fd is borrowed during the call.
  // Sealed against shrinking (SIGBUS) and further seals, where the memfd allows seals.
  // An error: no regions or too many, or a file that cannot be grown, mapped or wiped.
  [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(
      int memfd, std::span<const std::size_t> region_bytes);
  // On a memfd of its own.
  [[nodiscard]] static Result<std::unique_ptr<Ledger>> make_private(
      std::span<const std::size_t> region_bytes);

  // Committed content was found.
  [[nodiscard]] bool resumed() const { return resumed_; }

  // What the last commit left. To look at a page that nobody touched costs its memory. Hold read()
  // while looking from another thread than the writer's.
  [[nodiscard]] std::span<const std::byte> committed(std::size_t region) const {
    return regions_[region];
  }
  [[nodiscard]] std::shared_lock<std::shared_mutex> read() const {
    return std::shared_lock(applying_);
  }

  // Copies the bytes; they take effect at commit(), in the order staged. As much as you like: what
  // exceeds the log is merged by pages.
  // REQUIRES: inside the region.
  void stage(std::size_t region, std::size_t offset, std::span<const std::byte> bytes) {
    log_.append(region, offset, bytes);
  }
  // Makes the bytes [offset, end) of a region zero and gives their memory back; at once, not at
  // commit(): for what no committed value refers to. REQUIRES: inside; nothing is staged there.
  void wipe(std::size_t region, std::size_t offset, std::size_t end);
  // All that was staged, or nothing of it. Readers wait while it is copied to its place.
  void commit();

 private:
  Ledger(const LedgerLayout& layout, MemoryMap map);
  [[nodiscard]] LedgerFrame& frame();
  [[nodiscard]] bool resume(const LedgerLayout& layout);
  [[nodiscard]] Result<void> lay_out(int memfd, const LedgerLayout& layout);
  void apply(std::size_t log_bytes);

  MemoryMap map_;
  std::vector<std::span<std::byte>> regions_;  // in map_
  RedoLog log_;                                // in map_
  mutable std::shared_mutex applying_;
  bool resumed_ = false;
};

}  // namespace beyla::base
