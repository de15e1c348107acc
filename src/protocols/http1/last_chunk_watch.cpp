#include "protocols/http1/last_chunk_watch.h"

namespace beyla::protocols::http1 {

bool LastChunkWatch::take(char octet) {
  const bool feed = octet == '\n';
  switch (state_) {
    case State::inside_line:
      if (feed) state_ = State::line_begins;
      break;
    case State::line_begins:
    case State::ended:
      if (octet == '0') {
        state_ = State::zero;
        return true;
      }
      state_ = feed ? State::line_begins : State::inside_line;
      break;
    case State::zero:
      if (octet == '\r') {
        state_ = State::zero_end;
        break;
      }
      [[fallthrough]];
    case State::zero_end:
      state_ = feed ? State::trailer_line_begins : State::inside_line;
      trailer_bytes_ = 0;
      break;
    case State::trailer_line_begins:
    case State::trailer_line:
    case State::trailer_end: take_trailer(octet); break;
  }
  return false;
}

void LastChunkWatch::take_trailer(char octet) {
  const bool feed = octet == '\n';
  if (++trailer_bytes_ > kMaxTrailerBelieved) {
    state_ = feed ? State::line_begins : State::inside_line;
  } else if (feed) {
    state_ = state_ == State::trailer_line ? State::trailer_line_begins : State::ended;
  } else if (octet == '\r' && state_ == State::trailer_line_begins) {
    state_ = State::trailer_end;
  } else {
    state_ = State::trailer_line;
  }
}

}  // namespace beyla::protocols::http1
