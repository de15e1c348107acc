#include "protocols/session/connection_book.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <unordered_set>

#include "base/byte_reader.h"
#include "model/capture_policy.h"

namespace beyla::protocols::session {
namespace {

using Entry = ConnectionBook::Entry;
using State = ConnectionBook::State;

static_assert(std::is_trivially_copyable_v<Entry>);
static_assert(std::has_unique_object_representations_v<Entry>);  // no padding

bool are_positions_right(const Entry& entry) {
  for (const std::uint64_t position :
       {entry.received_end, entry.sent_end, entry.held_end, entry.held_sent_end,
        entry.parser.requests, entry.parser.answers}) {
    if (position > kMaxStreamPosition) return false;
  }
  const bool known = (entry.flags & ConnectionBook::kPositionsKnown) != 0;
  const bool begun = entry.received_end != 0 || entry.sent_end != 0;
  if (begun && !known) return false;
  if ((entry.flags & ConnectionBook::kFromStart) != 0) {
    return known && !begun && entry.state == State::undecided;
  }
  return true;
}

bool is_hold_right(const Entry& entry) {
  if ((entry.flags & ConnectionBook::kHolds) == 0) return true;
  if (entry.state == State::opaque || entry.role != model::Role::client) return false;
  if ((entry.flags & ConnectionBook::kPositionsKnown) == 0) return false;
  if (entry.held_end <= entry.received_end || entry.held_sent_end <= entry.sent_end) return false;
  return entry.held_end - entry.received_end <= std::numeric_limits<std::uint32_t>::max();
}

bool is_right(const Entry& entry) {
  if (entry.state > State::opaque || entry.role > model::Role::server) return false;
  if (entry.state == State::parsed && entry.role == model::Role::unknown) return false;
  if (entry.slot >= model::kPolicySlots && entry.slot != model::PolicySlot::kNone) return false;
  return are_positions_right(entry) && is_hold_right(entry);
}

}  // namespace

std::size_t ConnectionBook::restore(std::span<const std::byte> region) {
  base::ByteReader reader(region);
  used_ = std::min<std::uint64_t>(reader.read_struct<std::uint64_t>().value_or(0), kMaxSessions);
  std::unordered_set<std::uint64_t> ids;
  std::size_t refused = 0;
  while (entries_.size() < used_) {
    const auto entry = reader.read_struct<Entry>();
    if (!entry) break;
    const auto place = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(*entry);
    is_changed_.push_back(0);
    if (entry->state == State::free) {
      free_.push_back(place);
    } else if (!is_right(*entry) || !ids.insert(entry->id).second) {
      remove(place);
      ++refused;
    }
  }
  return refused;
}

std::uint32_t ConnectionBook::add() {
  if (free_.empty()) {
    entries_.emplace_back();
    is_changed_.push_back(0);
    return static_cast<std::uint32_t>(entries_.size() - 1);
  }
  const std::uint32_t place = free_.back();
  free_.pop_back();
  return place;
}

void ConnectionBook::update(std::uint32_t place, const Entry& entry) {
  if (entries_[place] == entry) return;
  entries_[place] = entry;
  mark(place);
}

void ConnectionBook::remove(std::uint32_t place) {
  update(place, {});
  free_.push_back(place);
}

void ConnectionBook::mark(std::uint32_t place) {
  if (is_changed_[place] != 0) return;
  is_changed_[place] = 1;
  changed_.push_back(place);
}

}  // namespace beyla::protocols::session
