// A conversation made of fuzz bytes, once in whole turns and once cut into pieces: the same must
// come out. Input: a byte that seeds the cuts, then turns of [direction and loss][two bytes:
// length] [bytes].
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "protocols/http1/request_stream.h"
#include "protocols/session/conversation.h"

namespace {

namespace http1 = beyla::protocols::http1;
namespace session = beyla::protocols::session;

using beyla::model::Direction;
using beyla::protocols::session::Conversation;

constexpr std::uint8_t kSentBit = 1;
constexpr std::uint8_t kLostBits = 0x70;  // all set: the turn is lost
constexpr std::size_t kTurnHeaderBytes = 3;

struct Turn {
  Direction direction = Direction::received;
  bool lost = false;
  std::string_view text;
};

std::vector<Turn> read_turns(std::string_view input) {
  std::vector<Turn> turns;
  while (input.size() > kTurnHeaderBytes) {
    const auto kind = static_cast<std::uint8_t>(input[0]);
    const std::size_t length = static_cast<std::uint8_t>(input[1]) * std::size_t{256} +
                               static_cast<std::uint8_t>(input[2]);
    Turn turn;
    turn.direction = (kind & kSentBit) != 0 ? Direction::sent : Direction::received;
    turn.lost = (kind & kLostBits) == kLostBits;
    turn.text = input.substr(kTurnHeaderBytes, std::max<std::size_t>(length, 1));
    input.remove_prefix(kTurnHeaderBytes + turn.text.size());
    turns.push_back(turn);
  }
  return turns;
}

// pieces: 0 for whole turns, else the state of a small generator of piece sizes.
void play(Conversation& talk, const std::vector<Turn>& turns, std::uint32_t pieces) {
  constexpr std::uint32_t kMultiplier = 1664525;  // Numerical Recipes
  constexpr std::uint32_t kIncrement = 1013904223;
  for (const Turn& turn : turns) {
    if (turn.lost) {
      talk.lose(turn.direction, turn.text.size());
      continue;
    }
    std::string_view rest = turn.text;
    while (!rest.empty()) {
      std::size_t size = rest.size();
      if (pieces != 0) {
        pieces = pieces * kMultiplier + kIncrement;
        size = std::min<std::size_t>(size, 1 + ((pieces >> 24U) & 31U));
      }
      talk.record(turn.direction, rest.substr(0, size), size, 0);
      rest.remove_prefix(size);
    }
  }
  talk.close();
}

// Does the request stream ever lose its place? Then beyla looks for requests where socket calls
// begin, and cuts do matter.
class LossWatch final : public http1::RequestListener {
 public:
  void on_request(http1::Request&&) override {}
  void on_request_body(std::uint64_t, std::uint64_t) override {}
  void on_request_gap() override { lost_ = true; }
  void on_framing_lost() override { lost_ = true; }
  void on_invalid_request() override { lost_ = true; }
  [[nodiscard]] bool may_begin(std::uint64_t) const override { return false; }
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  bool lost_ = false;
};

bool loses_its_place(const std::vector<Turn>& turns) {
  LossWatch watch;
  http1::RequestStream requests(watch);
  for (const Turn& turn : turns) {
    if (turn.direction != Direction::received) continue;
    session::Segment segment;
    segment.bytes = beyla::base::as_bytes(turn.text);
    requests.on_bytes(segment);
  }
  return watch.lost();
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input = beyla::base::as_text(std::as_bytes(std::span(data, size)));
  const std::vector<Turn> turns = read_turns(input.substr(1));
  Conversation whole;
  play(whole, turns, 0);
  Conversation cut;
  play(cut, turns, 1 + static_cast<std::uint32_t>(data[0]));
  const bool in_sync =
      whole.sink.gaps == 0 && whole.sink.incomplete[1] == 0 && cut.sink.incomplete[1] == 0;
  if (!in_sync || loses_its_place(turns)) return 0;
  require(whole.summaries() == cut.summaries());
  return 0;
}
