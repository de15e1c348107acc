#include "spans/number_index.h"

#include <utility>

namespace beyla::spans {
namespace {

constexpr std::size_t kFirstCells = 16;

}  // namespace

// The finalizer of MurmurHash3 (Appleby), seeded.
std::size_t NumberIndex::home_of(std::uint64_t key) const {
  std::uint64_t mixed = key ^ seed_;
  mixed = (mixed ^ (mixed >> 33U)) * 0xff51afd7ed558ccd;
  mixed = ((mixed ^ (mixed >> 33U)) + seed_) * 0xc4ceb9fe1a85ec53;
  return (mixed ^ (mixed >> 33U)) & (cells_.size() - 1);
}

// Where the key is, or could be put. REQUIRES: there are cells.
std::size_t NumberIndex::place_of(std::uint64_t key) const {
  std::size_t place = home_of(key);
  while (cells_[place].key != 0 && cells_[place].key != key) {
    place = (place + 1) & (cells_.size() - 1);
  }
  return place;
}

void NumberIndex::set(std::uint64_t key, std::uint64_t value) {
  if (2 * (size_ + 1) > cells_.size()) grow();
  Cell& cell = cells_[place_of(key)];
  if (cell.key == 0) ++size_;
  cell = {key, value};
}

std::optional<std::uint64_t> NumberIndex::find(std::uint64_t key) const {
  if (size_ == 0 || key == 0) return std::nullopt;
  const Cell& cell = cells_[place_of(key)];
  if (cell.key == 0) return std::nullopt;
  return cell.value;
}

void NumberIndex::erase(std::uint64_t key, std::uint64_t value) {
  if (size_ == 0 || key == 0) return;
  const std::size_t place = place_of(key);
  if (cells_[place].key != 0 && cells_[place].value == value) free_cell(place);
}

void NumberIndex::replace(std::uint64_t key, std::uint64_t value, std::uint64_t by) {
  if (size_ == 0 || key == 0) return;
  Cell& cell = cells_[place_of(key)];
  if (cell.key != 0 && cell.value == value) cell.value = by;
}

void NumberIndex::erase(std::uint64_t key) {
  if (size_ == 0 || key == 0) return;
  const std::size_t place = place_of(key);
  if (cells_[place].key != 0) free_cell(place);
}

// What stands behind moves up, so that no search ends too early.
void NumberIndex::free_cell(std::size_t hole) {
  const std::size_t mask = cells_.size() - 1;
  --size_;
  for (std::size_t next = (hole + 1) & mask; cells_[next].key != 0; next = (next + 1) & mask) {
    const std::size_t from_home = (next - home_of(cells_[next].key)) & mask;
    if (from_home >= ((next - hole) & mask)) {
      cells_[hole] = cells_[next];
      hole = next;
    }
  }
  cells_[hole] = {};
}

void NumberIndex::grow() {
  std::vector<Cell> before(cells_.empty() ? kFirstCells : 2 * cells_.size());
  std::swap(before, cells_);
  for (const Cell& cell : before) {
    if (cell.key != 0) cells_[place_of(cell.key)] = cell;
  }
}

}  // namespace beyla::spans
