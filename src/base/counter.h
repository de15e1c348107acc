// A monotonic count, written by one or more threads and read by the scraper. Relaxed order: a
// count says how many, never "and then".
#pragma once

#include <atomic>
#include <cstdint>

namespace beyla::base {

class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  // At the start, before anybody adds or reads: goes on from where a predecessor was.
  void restore(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace beyla::base
