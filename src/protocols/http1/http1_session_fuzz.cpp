// A conversation made of fuzz bytes, for a server or a client. Whole turns and turns cut into
// pieces must come to the same; records of a client that are late to the same as those in time; a
// masked recording of any of them to the same again. Input: a byte that chooses the role, which of
// these is tried and the cuts, then turns of [direction, loss, lateness and copy][two bytes:
// length] [bytes].
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "protocols/http1/request_stream.h"
#include "protocols/session/conversation.h"
#include "protocols/session/memory_recording.h"

namespace {

namespace http1 = beyla::protocols::http1;
namespace session = beyla::protocols::session;

using beyla::model::Role;
using beyla::protocols::session::Conversation;

constexpr std::uint8_t kSentBit = 1;
constexpr std::uint8_t kPartBit = 2;      // one record, of which only the ends are copied
constexpr std::uint8_t kLostBits = 0x70;  // all set: the turn is lost
constexpr std::uint8_t kLateBit = 0x80;   // of a client: the record of a send comes late
constexpr std::size_t kTurnHeaderBytes = 3;

struct Turn {
  bool asks = false;
  bool lost = false;
  bool late = false;
  bool in_part = false;
  std::string_view text;
};

std::vector<Turn> read_turns(std::string_view input) {
  std::vector<Turn> turns;
  while (input.size() > kTurnHeaderBytes) {
    const auto kind = static_cast<std::uint8_t>(input[0]);
    const std::size_t length = static_cast<std::uint8_t>(input[1]) * std::size_t{256} +
                               static_cast<std::uint8_t>(input[2]);
    Turn turn;
    turn.asks = (kind & kSentBit) == 0;
    turn.lost = (kind & kLostBits) == kLostBits;
    turn.late = (kind & kLateBit) != 0;
    turn.in_part = (kind & kPartBit) != 0;
    turn.text = input.substr(kTurnHeaderBytes, std::max<std::size_t>(length, 1));
    input.remove_prefix(kTurnHeaderBytes + turn.text.size());
    turns.push_back(turn);
  }
  return turns;
}

struct Run {
  explicit Run(Role role) : talk(role, true, &recording) {}
  session::MemoryRecording recording;
  Conversation talk;
};

void play_part(Conversation& talk, const Turn& turn) {
  constexpr std::size_t kCopiedPart = 3;  // of the turn, at each end
  const std::size_t copied = turn.text.size() / kCopiedPart;
  talk.record(turn.asks ? talk.asking() : session::opposite(talk.asking()), turn.text, copied,
              copied);
}

// pieces: 0 for whole turns, else the state of a small generator of piece sizes.
void play_turn(Conversation& talk, const Turn& turn, std::uint32_t& pieces) {
  constexpr std::uint32_t kMultiplier = 1664525;  // Numerical Recipes
  constexpr std::uint32_t kIncrement = 1013904223;
  std::string_view rest = turn.text;
  while (!rest.empty()) {
    std::size_t size = rest.size();
    if (pieces != 0) {
      pieces = pieces * kMultiplier + kIncrement;
      size = std::min<std::size_t>(size, 1 + ((pieces >> 24U) & 31U));
    }
    turn.asks ? talk.ask(rest.substr(0, size)) : talk.answer(rest.substr(0, size));
    rest.remove_prefix(size);
  }
}

enum class Late : std::uint8_t { none, waited_for, given_up };

// A late record comes before the next send, as those of one thread do, or when its wait is over.
void play(Conversation& talk, const std::vector<Turn>& turns, std::uint32_t pieces,
          Late late = Late::none) {
  for (const Turn& turn : turns) {
    if (turn.asks) talk.deliver_late();
    if (turn.lost) {
      talk.lose(turn.asks ? talk.asking() : session::opposite(talk.asking()), turn.text.size());
    } else if (late != Late::none && turn.asks && turn.late) {
      talk.send_late(turn.text);
    } else if (turn.in_part) {
      play_part(talk, turn);
    } else {
      play_turn(talk, turn, pieces);
      if (late == Late::given_up && turn.late) talk.tidy();
    }
  }
  talk.deliver_late();
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
  void on_invalid_request(std::uint64_t, bool) override { lost_ = true; }
  void on_bytes_behind_connect() override { lost_ = true; }
  [[nodiscard]] bool may_begin(std::uint64_t, bool) const override { return false; }
  [[nodiscard]] bool lost() const { return lost_; }

 private:
  bool lost_ = false;
};

bool loses_its_place(const std::vector<Turn>& turns) {
  LossWatch watch;
  beyla::model::ConnectionInfo server;
  server.role = Role::server;
  http1::RequestStream requests(watch, server, nullptr);
  for (const Turn& turn : turns) {
    if (!turn.asks) continue;
    session::Segment segment;
    segment.bytes = beyla::base::as_bytes(turn.text);
    requests.on_bytes(segment);
  }
  return watch.lost();
}

void require(bool condition) {
  if (!condition) std::abort();
}

void require_same_replay(Run& run) {
  require(session::replayed(run.recording, run.talk.now()) ==
          session::books_of(run.talk.sink, run.talk.table()));
}

bool in_sync(const Run& run) { return run.talk.sink.gaps == 0 && run.talk.sink.incomplete[1] == 0; }

void check_cuts(Role role, const std::vector<Turn>& turns, std::uint32_t pieces) {
  if (std::ranges::any_of(turns, &Turn::in_part)) return;
  Run whole(role);
  play(whole.talk, turns, 0);
  Run cut(role);
  play(cut.talk, turns, pieces);
  if (in_sync(whole) && in_sync(cut) && !loses_its_place(turns)) {
    require(whole.talk.summaries() == cut.talk.summaries());
  }
}

void check_order(const std::vector<Turn>& turns) {
  // A late record is whole.
  if (std::ranges::any_of(
          turns, [](const Turn& turn) { return turn.lost || (turn.late && turn.in_part); })) {
    return;
  }
  Run in_time(Role::client);
  play(in_time.talk, turns, 0);
  Run late(Role::client);
  play(late.talk, turns, 0, Late::waited_for);
  const auto& counters = late.talk.table().counters();
  if (counters.holds_over_limit.value() > 0) return;
  require(in_time.talk.summaries() == late.talk.summaries());
}

void check_replay(Role role, const std::vector<Turn>& turns, std::uint32_t pieces, Late late) {
  Run run(role);
  play(run.talk, turns, pieces, late);
  require_same_replay(run);
  require(run.talk.table().held_bytes() == 0);
  for (const auto& exchange : run.talk.sink.exchanges) require(exchange.received <= exchange.end);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input = beyla::base::as_text(std::as_bytes(std::span(data, size)));
  const std::vector<Turn> turns = read_turns(input.substr(1));
  const std::uint32_t pieces = 1 + static_cast<std::uint32_t>(data[0]);
  const Role role = (data[0] & 1U) == 0 ? Role::server : Role::client;
  const Late late = (data[0] & 2U) == 0 ? Late::waited_for : Late::given_up;
  switch ((data[0] >> 2U) & 3U) {
    case 0: check_cuts(role, turns, pieces); break;
    case 1: check_replay(role, turns, pieces, Late::none); break;
    case 2: check_replay(Role::client, turns, 0, late); break;
    default: check_order(turns);
  }
  return 0;
}
