// What a protocol gets: the two byte streams of one connection, in order, with the holes named.
// Bytes are borrowed for the call. Per direction offsets never go back and leave nothing out: each
// position is inside exactly one Segment or Hole. The shard's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.h"
#include "model/connection.h"
#include "model/process.h"

namespace beyla::protocols::session {

// Which way the requests go, as the watched process sees it. REQUIRES: role is known.
[[nodiscard]] constexpr model::Direction request_direction(model::Role role) {
  return role == model::Role::client ? model::Direction::sent : model::Direction::received;
}
[[nodiscard]] constexpr model::Direction opposite(model::Direction direction) {
  return direction == model::Direction::sent ? model::Direction::received : model::Direction::sent;
}

struct Segment {
  model::Direction direction = model::Direction::received;
  std::uint64_t offset = 0;        // stream position of bytes[0]
  std::uint64_t other_offset = 0;  // position of the other direction at that moment
  std::span<const std::byte> bytes;
  base::BootTime time;
  std::optional<base::BootTime> arrival;
  model::ProcessKey process;
  bool starts_record = false;  // bytes[0] is the first byte of a socket call
};

// Bytes of the stream that we do not have.
struct Hole {
  model::Direction direction = model::Direction::received;
  std::uint64_t offset = 0;
  std::uint64_t other_offset = 0;
  std::uint64_t length = 0;
  base::BootTime time;  // lost: of the record that showed the hole
  bool lost = false;    // false: of a record that we have, merely not copied
  model::ProcessKey process;
};

enum class HoleKind : std::uint8_t {
  content,  // inside data whose length was announced: nothing else can have been there
  unknown,
};

// No stream comes that far; sums of such positions and lengths do not overflow.
inline constexpr std::uint64_t kMaxStreamPosition = std::uint64_t{1} << 62U;

// What of a parser outlives its process, so that another, made for the same connection, goes on
// behind it and pairs nothing wrongly. What stands in it is the parser's own business.
struct ResumePoint {  // positions: kMaxStreamPosition at most
  std::uint64_t requests = 0;
  std::uint64_t answers = 0;
  std::uint16_t bits = 0;
  std::array<std::uint8_t, 6> padding{};  // it is written as it is in memory
  bool operator==(const ResumePoint&) const = default;
};

// Of either direction, all before this was handled.
struct StreamPositions {
  std::uint64_t requests = 0;
  std::uint64_t answers = 0;
};

class ProtocolParser {
 public:
  virtual ~ProtocolParser() = default;
  virtual void on_bytes(const Segment& segment) = 0;
  virtual HoleKind on_hole(const Hole& hole) = 0;
  virtual void on_send_closed(base::BootTime time) = 0;
  virtual void on_closed(base::BootTime time) = 0;
  // The connection lives on, but nothing of it will be seen any more.
  virtual void on_unwatched(base::BootTime time) { on_closed(time); }
  // All parsers together keep too much; this one gives up what it has and wants no more.
  virtual void on_no_memory(base::BootTime time) { on_closed(time); }
  // All parsers together keep much: as long as that lasts this one takes no more than anybody may
  // need. Told before each record.
  virtual void set_memory_tight(bool /*tight*/) {}
  // What it keeps on the heap and grows with what peers send.
  [[nodiscard]] virtual std::size_t memory_bytes() const { return 0; }
  // false: this connection will never be understood again (tunnel, upgrade, garbage).
  [[nodiscard]] virtual bool wants_more() const = 0;
  [[nodiscard]] virtual ResumePoint resume_point() const = 0;
  // Goes on where another parser was. Of the requests that it had begun nothing more comes out.
  // Any content is taken. Called before everything else, if at all.
  virtual void resume(const ResumePoint& point, StreamPositions positions) = 0;
};

}  // namespace beyla::protocols::session
