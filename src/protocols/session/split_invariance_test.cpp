// How the bytes were cut into socket calls must not change what comes out.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/session/conversation.h"
#include "protocols/session/sample_talks.h"

namespace beyla::protocols::session {
namespace {

struct Outcome {
  std::vector<std::string> lines;
  decltype(RecordingSink::incomplete) incomplete{};
  std::size_t unpaired = 0;
  bool ignored = false;
  bool operator==(const Outcome&) const = default;
};

// cut: of the turn numbered split, after so many bytes; step: every turn in pieces of this size.
Outcome play(model::Role role, const Talk& talk, std::size_t split, std::size_t cut,
             std::size_t step) {
  Conversation run(role);
  for (std::size_t i = 0; i < talk.size(); ++i) {
    const std::string_view text = talk[i].text;
    const std::size_t first = i == split ? cut : step;
    for (std::size_t at = 0, size = first; at < text.size();
         at += size, size = i == split ? text.size() : step) {
      const auto piece = text.substr(at, size);
      talk[i].speaker == Speaker::client ? run.ask(piece) : run.answer(piece);
    }
  }
  run.close();
  return {run.summaries(), run.sink.incomplete, run.sink.unpaired, run.policies.ignored()};
}

constexpr std::size_t kWhole = 1U << 20U;

class SplitInvariance : public ::testing::TestWithParam<model::Role> {};
INSTANTIATE_TEST_SUITE_P(BothRoles, SplitInvariance,
                         ::testing::Values(model::Role::server, model::Role::client));

TEST_P(SplitInvariance, EveryTwoWaySplit) {
  for (const Talk& talk : talks()) {
    const Outcome whole = play(GetParam(), talk, talk.size(), 0, kWhole);
    for (std::size_t turn = 0; turn < talk.size(); ++turn) {
      for (std::size_t cut = 1; cut < talk[turn].text.size(); ++cut) {
        EXPECT_EQ(play(GetParam(), talk, turn, cut, kWhole), whole)
            << talk[0].text << turn << " at " << cut;
      }
    }
  }
}

TEST_P(SplitInvariance, SmallPieces) {
  for (const Talk& talk : talks()) {
    const Outcome whole = play(GetParam(), talk, talk.size(), 0, kWhole);
    for (std::size_t step = 1; step < 8; ++step) {
      EXPECT_EQ(play(GetParam(), talk, talk.size(), 0, step), whole) << talk[0].text << step;
    }
  }
}

}  // namespace
}  // namespace beyla::protocols::session
