// In chunks whose frames were lost: is this where they end? Sees the last chunk, "0" on a line of
// its own, the trailer and its empty line (RFC 9112 §7.1). Content can look like that: a sign, no
// proof. Bytes come in any pieces. One thread.
#pragma once

#include <cstdint>

namespace beyla::protocols::http1 {

inline constexpr std::uint32_t kMaxTrailerBelieved = 512;  // ours; in bytes

class LastChunkWatch {
 public:
  // True: of all that stands here only this byte and the line ends tell.
  bool take(char octet);
  // Bytes are missing.
  void forget() { state_ = State::inside_line; }
  [[nodiscard]] bool ended() const { return state_ == State::ended; }

 private:
  enum class State : std::uint8_t {
    inside_line,
    line_begins,
    zero,
    zero_end,  // CR behind it
    trailer_line_begins,
    trailer_line,
    trailer_end,  // CR at the beginning of a line
    ended,
  };

  void take_trailer(char octet);

  State state_ = State::inside_line;
  std::uint32_t trailer_bytes_ = 0;
};

}  // namespace beyla::protocols::http1
