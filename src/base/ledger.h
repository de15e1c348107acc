// Memory that outlives its process and changes only in whole transactions: regions of fixed size in
// a memfd that somebody else holds, too. A writer killed at any instruction leaves the last commit,
// whole; who opens the memfd next goes on from there. What a predecessor left is hostile input: open()
// checks the frame, the readers of each region check its content.
// One thread stages and commits; any thread may read what is committed, under read().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>

#include "base/fd.h"
#include "base/result.h"

namespace beyla::base {

class Ledger {
 public:
  // An empty memfd is laid out; one that a predecessor laid out alike is resumed, after a commit
  // that it did not finish is. Any other content: as if empty. The fd is borrowed during the call.
  [[nodiscard]] static Result<std::unique_ptr<Ledger>> open(
      int memfd, std::span<const std::size_t> region_bytes);
  // On a memfd of its own.
  [[nodiscard]] static Result<std::unique_ptr<Ledger>> make_private(
      std::span<const std::size_t> region_bytes);
  ~Ledger();

  // Committed content was found.
  [[nodiscard]] bool resumed() const;

  // What the last commit left. Hold read() while looking from another thread than the writer's.
  [[nodiscard]] std::span<const std::byte> committed(std::size_t region) const;
  [[nodiscard]] std::shared_lock<std::shared_mutex> read() const;

  // Copies the bytes; they take effect at commit(), in the order staged.
  // REQUIRES: inside the region.
  void stage(std::size_t region, std::size_t offset, std::span<const std::byte> bytes);
  // All that was staged, or nothing of it.
  void commit();
};

}  // namespace beyla::base
