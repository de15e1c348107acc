// A parser whose process died, and the one that goes on behind it. The fields that both peers know
// died with it, as had it joined now; where the next frames begin did not, mostly. Streams that
// were open are streams from before we came: their answers are nobody's.
#include "protocols/http2/http2_parser.h"

namespace beyla::protocols::http2 {
namespace {

enum Bits : std::uint16_t {
  kRequestsKnown = 1,  // ResumePoint::requests: there a frame begins
  kAnswersKnown = 2,   // likewise
};

}  // namespace

session::ResumePoint Http2Parser::resume_point() const {
  session::ResumePoint point;
  unsigned bits = 0;
  const auto put = [&bits](const Side& side, unsigned bit, std::uint64_t& position) {
    const auto left = side.frames.bytes_to_boundary();
    if (!left || side.end + *left > session::kMaxStreamPosition) return;
    position = side.end + *left;
    bits |= bit;
  };
  put(requests_, kRequestsKnown, point.requests);
  put(answers_, kAnswersKnown, point.answers);
  point.bits = static_cast<std::uint16_t>(bits);
  return point;
}

void Http2Parser::resume(const session::ResumePoint& point, session::StreamPositions positions) {
  const auto take = [&point](Side& side, unsigned bit, std::uint64_t from, std::uint64_t to) {
    side.end = from;
    if ((point.bits & bit) != 0 && to >= from) side.frames.resume_before_boundary(to - from);
  };
  take(requests_, kRequestsKnown, positions.requests, point.requests);
  take(answers_, kAnswersKnown, positions.answers, point.answers);
}

}  // namespace beyla::protocols::http2
