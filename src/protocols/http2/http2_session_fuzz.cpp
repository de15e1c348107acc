// A conversation of frames made of fuzz bytes, for a server or a client. Whole turns and turns in
// pieces come to the same where nothing is lost; whatever is lost or not copied, each request ends
// once at most and memory stays bounded. Input: a byte that chooses role, cuts and whether it is
// joined midway, then turns of [direction, loss and copy][two bytes: length][bytes].
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocols/http2/frame_walker.h"
#include "protocols/session/conversation.h"

namespace {

namespace http2 = beyla::protocols::http2;
namespace session = beyla::protocols::session;
using beyla::model::Role;
using beyla::protocols::session::Conversation;

constexpr std::size_t kTurnHeaderBytes = 3;
constexpr std::size_t kMaxBytes = std::size_t{3}
                                  << 20U;  // of one connection: streams, fields, blocks

struct Turn {
  bool asks = false;
  bool lost = false;
  std::size_t copied = 0;
  std::string_view text;
};

std::vector<Turn> read_turns(std::string_view input) {
  std::vector<Turn> turns;
  while (input.size() > kTurnHeaderBytes) {
    const auto kind = static_cast<std::uint8_t>(input[0]);
    const std::size_t length = static_cast<std::uint8_t>(input[1]) * std::size_t{256} +
                               static_cast<std::uint8_t>(input[2]);
    Turn turn;
    turn.asks = (kind & 1U) == 0;
    turn.lost = (kind & 0x70U) == 0x70U;
    turn.text = input.substr(kTurnHeaderBytes, std::max<std::size_t>(length, 1));
    turn.copied = (kind & 2U) == 0 ? turn.text.size() : turn.text.size() / 3;
    input.remove_prefix(kTurnHeaderBytes + turn.text.size());
    turns.push_back(turn);
  }
  return turns;
}

// Do the frames break the rules? Then they are looked for where socket calls begin, and cuts do
// matter.
class LossWatch final : public http2::FrameListener {
 public:
  void on_block(const http2::HeaderBlock&, const http2::FrameEnd&) override {}
  void on_data(std::uint32_t, std::optional<std::uint32_t>, bool, const http2::FrameEnd&) override {
  }
  void on_reset(std::uint32_t, std::optional<std::uint32_t>, const http2::FrameEnd&) override {}
  void on_goaway(std::optional<std::uint32_t>, const http2::FrameEnd&) override {}
  void on_frames_lost() override { lost = true; }
  void on_invalid() override { lost = true; }
  void on_over_limit() override { lost = true; }
  bool lost = false;
};

bool loses_its_place(const std::vector<Turn>& turns) {
  beyla::model::ConnectionInfo server;
  server.role = Role::server;
  server.seen_from_start = true;
  using beyla::model::Direction;
  LossWatch watch;
  http2::FrameWalker requests(watch, server, Direction::received, nullptr);
  http2::FrameWalker answers(watch, server, Direction::sent, nullptr);
  std::uint64_t ends[2] = {};
  for (const Turn& turn : turns) {
    session::Segment segment;
    segment.offset = ends[turn.asks ? 0 : 1];
    segment.bytes = beyla::base::as_bytes(turn.text);
    ends[turn.asks ? 0 : 1] += turn.text.size();
    (turn.asks ? requests : answers).on_bytes(segment);
    if (turn.lost || turn.copied < turn.text.size()) return true;
  }
  return watch.lost;
}

void require(bool condition) {
  if (!condition) std::abort();
}

void play(Conversation& talk, const std::vector<Turn>& turns, std::size_t piece) {
  for (const Turn& turn : turns) {
    const auto direction = turn.asks ? talk.asking() : session::opposite(talk.asking());
    if (turn.lost) {
      talk.lose(direction, turn.text.size());
    } else if (turn.copied < turn.text.size()) {
      talk.record(direction, turn.text, turn.copied, turn.copied);
    } else {
      for (std::size_t at = 0; at < turn.text.size(); at += piece) {
        const std::string_view part = turn.text.substr(at, piece);
        talk.record(direction, part, part.size(), 0);
      }
    }
    require(talk.table().parser_bytes() < kMaxBytes);
  }
}

void check_books(Conversation& talk) {
  talk.close();
  require(talk.sink.in_flight() == 0);
  require(talk.table().parser_bytes() == 0);
  for (const auto& exchange : talk.sink.exchanges) {
    require(exchange.received <= exchange.end);
    require(!exchange.semantics.operation.empty() && !exchange.semantics.outcome.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input = beyla::base::as_text(std::as_bytes(std::span(data, size)));
  const std::vector<Turn> turns = read_turns(input.substr(1));
  const Role role = (data[0] & 1U) == 0 ? Role::server : Role::client;
  const bool from_start = (data[0] & 2U) == 0;
  Conversation whole(role, from_start);
  play(whole, turns, std::string_view::npos);
  check_books(whole);
  Conversation cut(role, from_start);
  play(cut, turns, 1 + (data[0] >> 2U));
  check_books(cut);
  // A server that speaks first may do so before anybody knows what it speaks.
  const bool asks_first = turns.empty() || turns.front().asks;
  if (from_start && asks_first && !loses_its_place(turns)) {
    require(whole.summaries() == cut.summaries());
  }
  return 0;
}
