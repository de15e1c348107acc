// From numbers that a watched process chose (addresses, ids) to ours. Open addressing; the hash is
// seeded, so that nobody can choose numbers that meet. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace beyla::spans {

class NumberIndex {
 public:
  explicit NumberIndex(std::uint64_t seed) : seed_(seed) {}

  // REQUIRES: key is not 0. What was there before is replaced.
  void set(std::uint64_t key, std::uint64_t value);
  [[nodiscard]] std::optional<std::uint64_t> find(std::uint64_t key) const;
  void erase(std::uint64_t key);
  // Only if this value is there.
  void erase(std::uint64_t key, std::uint64_t value);
  void replace(std::uint64_t key, std::uint64_t value, std::uint64_t by);
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Cell {
    std::uint64_t key = 0;  // 0: free
    std::uint64_t value = 0;
  };
  [[nodiscard]] std::size_t home_of(std::uint64_t key) const;
  [[nodiscard]] std::size_t place_of(std::uint64_t key) const;
  void free_cell(std::size_t hole);
  void grow();

  std::vector<Cell> cells_;  // a power of two, or none; at most half of them are in use
  std::size_t size_ = 0;
  std::uint64_t seed_;
};

}  // namespace beyla::spans
