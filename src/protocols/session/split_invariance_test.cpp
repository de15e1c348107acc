// How the bytes were cut into socket calls must not change what comes out.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocols/session/conversation.h"

namespace beyla::protocols::session {
namespace {

using model::Direction;

struct Turn {
  Direction direction;
  std::string text;
};
using Talk = std::vector<Turn>;

constexpr auto kIn = Direction::received;
constexpr auto kOut = Direction::sent;

const std::vector<Talk>& talks() {
  static const std::vector<Talk> kTalks = {
      {{kIn, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"}},
      {{kIn, "POST /b HTTP/1.1\nContent-Length: 5\n\nhello"}, {kOut, "HTTP/1.1 204 No\r\n\r\n"}},
      {{kIn,
        "POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\nT: "
        "x\r\n\r\n"},
       {kOut, "HTTP/1.1 201 X\r\nTransfer-Encoding: chunked\r\n\r\n3;e\r\nabc\r\n0\r\n\r\n"}},
      {{kIn, "HEAD /d HTTP/1.1\r\n\r\nGET /e HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 304 X\r\n\r\n"}},
      {{kIn, "GET /f HTTP/1.0\r\n\r\n"}, {kOut, "HTTP/1.0 200 OK\r\n\r\nuntil close"}},
      {{kIn, "PUT /g HTTP/1.1\r\nContent-Length: 2\r\n\r\n"},
       {kOut, "HTTP/1.1 100 Continue\r\n\r\n"},
       {kIn, "ok"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}},
      {{kIn, "GET /h HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 101 Up\r\n\r\n\x81\x01x"},
       {kIn, "GET /no HTTP/1.1\r\n\r\n"}},
      {{kIn, "CONNECT i:1 HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\n\r\n"},
       {kIn, "GET /no HTTP/1.1\r\n\r\n"}},
      {{kIn, "GET /j HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 500 X\r\nContent-Length: 90\r\n\r\ndied"}},
      {{kIn, "GET http://h/k?q HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\nx"},
       {kIn, "\r\nOPTIONS * HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}},
      {{kIn, "GET /l HTTP/1.1\r\n\r\nGET /m HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"}},
      {{kIn, "GET /n HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 204 X\r\n\r\nHTTP/1.1 408 X\r\n\r\n"},
       {kIn, "PROPFIND /o HTTP/1.1\r\n\r\n"},
       {kOut, "HTTP/1.1 207 X\r\nContent-Length: 2\r\n\r\nab"}},
      {{kIn, "GET /p HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"},
       {kOut, "HTTP/1.1 400 X\r\n\r\n"}},
      {{kIn, "\x16\x03\x01 GET / HTTP/1.1\r\n\r\n"}, {kOut, "\x16\x03"}},
  };
  return kTalks;
}

struct Outcome {
  std::vector<std::string> lines;
  std::array<std::size_t, 3> incomplete{};
  std::size_t unpaired = 0;
  bool ignored = false;
  bool operator==(const Outcome&) const = default;
};

// cut: of the turn numbered split, after so many bytes; step: every turn in pieces of this size.
Outcome play(const Talk& talk, std::size_t split, std::size_t cut, std::size_t step) {
  Conversation run;
  for (std::size_t i = 0; i < talk.size(); ++i) {
    const std::string_view text = talk[i].text;
    const std::size_t first = i == split ? cut : step;
    for (std::size_t at = 0, size = first; at < text.size();
         at += size, size = i == split ? text.size() : step) {
      const auto piece = text.substr(at, size);
      run.record(talk[i].direction, piece, piece.size(), 0);
    }
  }
  run.close();
  return {run.summaries(), run.sink.incomplete, run.sink.unpaired, run.policies.ignored()};
}

constexpr std::size_t kWhole = 1U << 20U;

TEST(SplitInvariance, EveryTwoWaySplit) {
  for (const Talk& talk : talks()) {
    const Outcome whole = play(talk, talk.size(), 0, kWhole);
    for (std::size_t turn = 0; turn < talk.size(); ++turn) {
      for (std::size_t cut = 1; cut < talk[turn].text.size(); ++cut) {
        EXPECT_EQ(play(talk, turn, cut, kWhole), whole) << talk[0].text << turn << " at " << cut;
      }
    }
  }
}

TEST(SplitInvariance, SmallPieces) {
  for (const Talk& talk : talks()) {
    const Outcome whole = play(talk, talk.size(), 0, kWhole);
    for (std::size_t step = 1; step < 8; ++step) {
      EXPECT_EQ(play(talk, talk.size(), 0, step), whole) << talk[0].text << step;
    }
  }
}

}  // namespace
}  // namespace beyla::protocols::session
