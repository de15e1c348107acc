// The connections that are open, in a form that outlives the process: an array of fixed-size
// entries, of which those that have changed are written. What a predecessor left is hostile input:
// restore() lets no entry pass that this code could not have written. The shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/connection.h"
#include "protocols/session/protocol_parser.h"

namespace beyla::protocols::session {

// Ours: about 30 MB when all are busy, and 15 MB for their book where one is kept.
inline constexpr std::size_t kMaxSessions = 65536;

class ConnectionBook {
 public:
  enum class State : std::uint8_t { free, undecided, parsed, opaque };
  enum Flags : std::uint8_t {
    kPositionsKnown = 1,
    kFromStart = 2,  // of an undecided one: nothing has passed yet
    kHolds = 4,      // answers of a client, up to held_end, were read but not understood yet
  };

  // As it is in memory. All zero: free.
  struct Entry {
    std::uint64_t id = 0;
    std::uint64_t received_end = 0;  // stream positions: all before was handled
    std::uint64_t sent_end = 0;
    std::uint64_t held_end = 0;
    std::uint64_t held_sent_end = 0;  // requests that they may answer end here
    ResumePoint parser;
    std::uint8_t local_address[16] = {};
    std::uint8_t remote_address[16] = {};
    std::uint32_t slot = 0;
    std::uint32_t slot_generation = 0;
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 0;
    State state = State::free;
    model::Role role = model::Role::unknown;
    std::uint8_t flags = 0;
    std::uint8_t protocol = 0;  // of a parsed one: index into the registry

    bool operator==(const Entry&) const = default;
  };

  // Of the array with its header.
  [[nodiscard]] static constexpr std::size_t region_bytes() {
    return sizeof(std::uint64_t) + kMaxSessions * sizeof(Entry);
  }
  // How many entries are refused as they cannot be right; they are free now. REQUIRES: empty.
  std::size_t restore(std::span<const std::byte> region);

  // REQUIRES: fewer than kMaxSessions are in use.
  [[nodiscard]] std::uint32_t add();
  void update(std::uint32_t place, const Entry& entry);
  void remove(std::uint32_t place);
  // By place; those that are free among them.
  [[nodiscard]] std::span<const Entry> entries() const { return entries_; }

  // Calls write(offset in the region, span<const byte>) for what has changed since the last call.
  template <typename Write>
  void take_changes(Write&& write) {
    if (used_ != entries_.size()) {
      used_ = entries_.size();
      write(std::size_t{0}, std::as_bytes(std::span(&used_, 1)));
    }
    for (const std::uint32_t place : changed_) {
      is_changed_[place] = 0;
      write(offset_of(place), std::as_bytes(std::span(&entries_[place], 1)));
    }
    changed_.clear();
  }

 private:
  [[nodiscard]] static constexpr std::size_t offset_of(std::size_t place) {
    return sizeof(std::uint64_t) + place * sizeof(Entry);
  }
  void mark(std::uint32_t place);

  std::vector<Entry> entries_;
  std::uint64_t used_ = 0;  // as written last: entries behind were never in use
  std::vector<std::uint8_t> is_changed_;
  std::vector<std::uint32_t> changed_;
  std::vector<std::uint32_t> free_;
};

}  // namespace beyla::protocols::session
