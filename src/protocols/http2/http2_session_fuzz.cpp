// A conversation of frames made of fuzz bytes, for a server or a client. Whole turns and turns in
// pieces come to the same where nothing is lost; whatever is lost or not copied, each request ends
// once at most and memory stays bounded. Input: a byte that chooses role, cuts and whether it is
// joined midway, then turns of [direction, loss and copy][two bytes: length][bytes].
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "protocols/http2/http2_talk.h"
#include "protocols/session/conversation.h"

namespace {

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

void require(bool condition) {
  if (!condition) std::abort();
}

void play(Conversation& talk, const std::vector<Turn>& turns, std::size_t piece) {
  for (const Turn& turn : turns) {
    const auto direction =
        turn.asks ? talk.asking() : beyla::protocols::session::opposite(talk.asking());
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
  // Frames are looked for where socket calls begin: behind a loss cuts do matter.
  const auto is_clean = [](const Conversation& talk) {
    return talk.sink.gaps == 0 && talk.sink.count(beyla::model::IncompleteReason::gap) == 0 &&
           !talk.policies.ignored();
  };
  const bool follows = from_start && is_clean(whole) && is_clean(cut);
  bool copied = true;
  for (const Turn& turn : turns) copied = copied && turn.copied == turn.text.size() && !turn.lost;
  if (follows && copied) require(whole.summaries() == cut.summaries());
  return 0;
}
