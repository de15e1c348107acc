// The bytes of a record that may leave the machine: collects the ranges that the parser names and
// overwrites all others. Line ends stay, so that lines keep their lengths; what may begin a method
// still may, so that a protocol is recognised, or not, as before. The shard's thread only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/event.h"
#include "protocols/session/retention.h"

namespace beyla::protocols::session {

class PayloadMask {
 public:
  static constexpr std::byte kMask{'x'};         // in no method, version, status or chunk size
  static constexpr std::byte kCapitalMask{'X'};  // for A to Z, '-' and '_'; begins no known method

  // As RetentionSink::retain: ranges for the record that apply() gets next.
  void retain(model::ConnectionId connection, model::Direction direction, std::uint64_t offset,
              std::uint64_t length);
  // Masks copies of the event's head and tail in place and forgets the ranges.
  // REQUIRES: head.size() == event.head.size() and tail.size() == event.tail.size().
  void apply(const model::StreamData& event, std::span<std::byte> head, std::span<std::byte> tail);

 private:
  struct Range {
    model::ConnectionId connection = 0;
    model::Direction direction = model::Direction::received;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  void mask(std::uint64_t offset, std::span<std::byte> bytes) const;

  std::vector<Range> ranges_;
};

}  // namespace beyla::protocols::session
