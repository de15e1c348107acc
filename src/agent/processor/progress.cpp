#include "agent/processor/progress.h"

#include <span>

#include "base/byte_reader.h"

namespace beyla::processor {
namespace {

constexpr std::uint64_t kVersion = 2;

}  // namespace

std::size_t Progress::region_bytes() { return sizeof(Record); }

Progress::Progress(base::Ledger& ledger, std::size_t region) : ledger_(ledger), region_(region) {
  if (!ledger.resumed()) return;
  const auto record = base::ByteReader(ledger.committed(region)).read_struct<Record>();
  if (!record || record->version != kVersion) return;
  predecessor_ = *record;
  staged_position_ = record->ring_position;
}

std::optional<std::uint64_t> Progress::predecessor_position() const {
  if (predecessor_.version != kVersion) return std::nullopt;
  return predecessor_.ring_position;
}

std::uint64_t Progress::begin(std::uint64_t position) {
  const bool again = predecessor_position() == position;
  const std::uint64_t in_vain = again ? predecessor_.attempts : 0;
  write({kVersion, position, in_vain + 1});
  return in_vain;
}

void Progress::stage(std::uint64_t position) {
  if (position != staged_position_) write({kVersion, position, 0});
}

void Progress::write(const Record& record) {
  staged_position_ = record.ring_position;
  ledger_.stage(region_, 0, std::as_bytes(std::span(&record, 1)));
}

}  // namespace beyla::processor
