// Thousands of tapes, read in batches by processes that are killed: what was committed is counted
// once, what was in flight is named, and what begins afterwards is counted again.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "protocols/session/conversation.h"
#include "protocols/session/event_tape.h"
#include "protocols/session/memory_book.h"

namespace beyla::protocols::session {
namespace {

// What outlives a process: changed in whole transactions only.
struct Ledger {
  MemoryBook book;
  std::size_t position = 0;
  std::size_t delivered = 0;
  std::size_t in_flight = 0;
  std::size_t begun = 0;
  std::size_t incomplete = 0;
  std::size_t restart = 0;
  std::size_t unpaired = 0;
  std::vector<std::string> exchanges;  // "/serial/status status"
};

// One life of a process.
class Process {
 public:
  Process(const EventTape& tape, Ledger& ledger) : tape_(tape), ledger_(ledger) {
    ledger_.restart += ledger_.in_flight;
    ledger_.in_flight = 0;
    const auto now = tape.time_of(std::min(ledger.position, tape.size() - 1));
    const auto restored = table_.keep_book(ledger.book.bytes(), now);
    EXPECT_EQ(restored.refused, 0U);
    position_ = ledger.position;
  }
  void read(std::size_t records) {
    for (std::size_t i = 0; i < records && position_ < tape_.size(); ++i) {
      tape_.play(position_++, table_);
      ++delivered_;
    }
  }
  void commit() {
    ledger_.book.take(table_);
    ledger_.position = position_;
    ledger_.delivered += std::exchange(delivered_, 0);
    for (const auto& exchange : sink_.exchanges) {
      ledger_.exchanges.push_back(exchange.semantics.target + ' ' + exchange.semantics.outcome);
    }
    sink_.exchanges.clear();
    const std::size_t incomplete =
        std::accumulate(sink_.incomplete.begin(), sink_.incomplete.end(), std::size_t{0});
    ledger_.begun += std::exchange(sink_.begun, 0);
    ledger_.incomplete += incomplete;
    sink_.incomplete = {};
    ledger_.in_flight =
        ledger_.begun - ledger_.exchanges.size() - ledger_.incomplete - ledger_.restart;
    ledger_.unpaired += std::exchange(sink_.unpaired, 0);
  }
  [[nodiscard]] bool done() const { return position_ == tape_.size(); }

 private:
  const EventTape& tape_;
  Ledger& ledger_;
  RecordingSink sink_;
  RecordingPolicies policies_;
  SessionTable table_{sink_, policies_, registry()};
  std::size_t position_ = 0;
  std::size_t delivered_ = 0;
};

struct Cut {
  std::size_t at = 0;  // committed
  std::size_t in_flight = 0;
};

std::vector<Cut> run(const EventTape& tape, Ledger& ledger, std::mt19937& random,
                     std::size_t cuts) {
  const std::size_t max_batch = 1 + random() % 40;
  const std::size_t lifetime = 1 + tape.size() / (cuts + 1);
  std::vector<Cut> result;
  while (true) {
    Process process(tape, ledger);
    std::size_t left = result.size() == cuts ? tape.size() : random() % (2 * lifetime);
    while (!process.done() && left > 0) {
      const std::size_t batch = std::min(left, 1 + random() % max_batch);
      process.read(batch);
      process.commit();
      left -= batch;
    }
    if (process.done()) return result;
    process.read(random() % max_batch);  // dies with these
    result.push_back({ledger.position, ledger.in_flight});
  }
}

// Serials that came out, each with its own status.
std::set<std::size_t> counted(const EventTape& tape, const Ledger& ledger, unsigned seed) {
  std::set<std::size_t> result;
  for (const std::string& line : ledger.exchanges) {
    const auto slash = line.find('/', 1);
    const auto space = line.find(' ');
    EXPECT_EQ(line.substr(slash + 1, space - slash - 1), line.substr(space + 1))
        << line << " seed " << seed << "\n"
        << tape.describe(tape.serials()[std::stoul(line.substr(1, slash))].connection);
    EXPECT_TRUE(result.insert(std::stoul(line.substr(1, slash))).second)
        << line << " seed " << seed;
  }
  return result;
}

// A connection on which requests were sent without waiting for answers is given up where the
// successor cannot prove a pair: when several answers were owed at the cut, or one that had begun;
// or behind a request that was cut.
bool may_be_given_up(const EventTape& tape, const EventTape::Serial& missing, std::size_t cut) {
  bool in_flight = false;
  bool request_was_cut = false;
  bool pipelined_before = false;
  bool pipelined_since = false;
  for (const auto& serial : tape.serials()) {
    if (serial.connection != missing.connection) continue;
    in_flight |= serial.in_flight_at(cut);
    request_was_cut |= serial.first < cut && cut <= serial.asked;
    pipelined_before |= serial.pipelined && serial.first < cut;
    pipelined_since |= serial.pipelined && serial.last >= cut && serial.first <= missing.last;
  }
  return (in_flight && pipelined_before) || (request_was_cut && pipelined_since);
}

bool may_be_missing(const EventTape& tape, const EventTape::Serial& serial,
                    const std::vector<Cut>& cuts) {
  return std::ranges::any_of(cuts, [&](const Cut& cut) {
    if (serial.in_flight_at(cut.at)) return true;
    return serial.last >= cut.at && may_be_given_up(tape, serial, cut.at);
  });
}

std::vector<std::size_t> places(const std::vector<Cut>& cuts) {
  std::vector<std::size_t> result;
  for (const Cut& cut : cuts) result.push_back(cut.at);
  return result;
}

void check(const EventTape& tape, const Ledger& ledger, const std::vector<Cut>& cuts,
           unsigned seed) {
  EXPECT_EQ(ledger.delivered, tape.size()) << "seed " << seed;
  EXPECT_EQ(ledger.position, tape.size()) << "seed " << seed;
  EXPECT_EQ(ledger.begun,
            ledger.exchanges.size() + ledger.incomplete + ledger.restart + ledger.in_flight)
      << "seed " << seed;
  std::size_t in_flight = 0;
  for (const Cut& cut : cuts) in_flight += cut.in_flight;
  EXPECT_EQ(ledger.restart, in_flight) << "seed " << seed;
  const auto seen = counted(tape, ledger, seed);
  for (std::size_t number = 0; number < tape.serials().size() && !::testing::Test::HasFailure();
       ++number) {
    const auto& serial = tape.serials()[number];
    const bool was_in_flight = std::ranges::any_of(
        cuts, [&](const Cut& cut) { return serial.head_end < cut.at && cut.at <= serial.last; });
    EXPECT_TRUE(seen.contains(number) || may_be_missing(tape, serial, cuts))
        << "seed " << seed << " missing " << number << " cut at "
        << ::testing::PrintToString(places(cuts)) << "\n"
        << tape.describe(serial.connection);
    EXPECT_FALSE(seen.contains(number) && was_in_flight) << "seed " << seed << " twice " << number;
  }
}

// The number in flight, as the tape knows it.
std::size_t in_flight_at(const EventTape& tape, std::size_t cut) {
  return static_cast<std::size_t>(
      std::ranges::count_if(tape.serials(), [cut](const EventTape::Serial& serial) {
        return serial.head_end < cut && cut <= serial.last;
      }));
}

constexpr unsigned kTapes = 4000;

void play_many(RandomTape::Options options) {
  std::size_t total = 0;
  std::size_t cuts_made = 0;
  std::size_t lost = 0;
  std::size_t unpaired = 0;
  for (unsigned seed = 0; seed < kTapes && !::testing::Test::HasFailure(); ++seed) {
    std::mt19937 random(seed);
    const RandomTape tape(seed, options);
    Ledger ledger;
    const auto cuts = run(tape, ledger, random, seed % 4);
    check(tape, ledger, cuts, seed);
    if (!cuts.empty()) {
      EXPECT_EQ(cuts[0].in_flight, in_flight_at(tape, cuts[0].at)) << "seed " << seed;
    }
    total += tape.serials().size();
    cuts_made += cuts.size();
    unpaired += ledger.unpaired;
    lost += tape.serials().size() - ledger.exchanges.size();
  }
  EXPECT_GT(cuts_made, kTapes);
  EXPECT_LE(unpaired, lost);
  if (options.batch_percent == 0) {
    EXPECT_EQ(unpaired, 0U);
  }
  ::testing::Test::RecordProperty("unpaired", static_cast<int>(unpaired));
  ::testing::Test::RecordProperty("lost", static_cast<int>(lost));
  ::testing::Test::RecordProperty("total", static_cast<int>(total));
  ::testing::Test::RecordProperty("cuts", static_cast<int>(cuts_made));
}

TEST(ResumeRandom, ServersAreCountedOnceAndGoOn) { play_many({.client_percent = 0}); }
TEST(ResumeRandom, ClientsAreCountedOnceAndGoOn) { play_many({.client_percent = 100}); }
TEST(ResumeRandom, PipelinesAreNeverPairedWrongly) { play_many({.batch_percent = 30}); }

}  // namespace
}  // namespace beyla::protocols::session
