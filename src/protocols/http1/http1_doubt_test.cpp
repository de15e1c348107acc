// Behind an upload whose end was not seen: what looks like a request may be its content. Each
// answer has a status of its own, so that a wrong pair shows.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocols/http1/last_chunk_watch.h"
#include "protocols/session/conversation.h"

namespace beyla::protocols::http1 {
namespace {

using model::Direction;
using model::IncompleteReason;
using model::Role;
using session::Conversation;
using Lines = std::vector<std::string>;

std::string ask(const std::string& path) { return "GET /" + path + " HTTP/1.1\r\n\r\n"; }
std::string answer(const std::string& status) {
  return "HTTP/1.1 " + status + " X\r\nContent-Length: 4\r\n\r\nbody";
}

const std::string kPoison = ask("poison");

// Plays the head of an upload and a record of which the frames of the chunks were not copied.
class Upload : public ::testing::TestWithParam<Role> {
 protected:
  Upload() {
    talk.ask("POST /201 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk(kChunkBytes, 'x');
    const std::string chunks = "100\r\n" + chunk + "\r\n100\r\n" + chunk + "\r\n";
    talk.record(talk.asking(), chunks, kCopied, kCopied);
  }
  void end_upload() { talk.ask("\r\n0\r\n\r\n"); }

  static constexpr std::size_t kChunkBytes = 256;
  static constexpr std::size_t kCopied = 10;
  Conversation talk{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(BothRoles, Upload, ::testing::Values(Role::server, Role::client));

TEST_P(Upload, TheNextRequestIsFound) {
  talk.ask("0\r\n\r\n");
  talk.answer(answer("201"));
  talk.ask(ask("202"));
  talk.answer(answer("202"));
  EXPECT_EQ(talk.summaries(), (Lines{"POST /201 201 ?", "GET /202 202 0"}));
}

TEST_P(Upload, TheNextRequestIsFoundBehindATrailer) {
  talk.ask("0\r\nA: 0\r\nB: 1\r\n\r\n");
  talk.answer(answer("201"));
  talk.ask("PUT /202 HTTP/1.1\r\nContent-Length: 2\r\n\r\n");
  talk.ask("ab");
  talk.answer(answer("202"));
  talk.ask(ask("203"));
  talk.answer(answer("203"));
  EXPECT_EQ(talk.summaries(), (Lines{"POST /201 201 ?", "PUT /202 202 2", "GET /203 203 0"}));
}

TEST_P(Upload, ContentAfterTheAnswerIsNoRequest) {
  talk.answer(answer("201"));
  talk.ask("1d\r\n");
  talk.ask(kPoison);
  end_upload();
  talk.ask(ask("202"));
  talk.answer(answer("202"));
  EXPECT_EQ(talk.summaries(), (Lines{"POST /201 201 ?", "GET /202 202 0"}));
}

TEST_P(Upload, ContentDuringTheAnswerIsNoRequest) {
  talk.answer("HTTP/1.1 201 X\r\nContent-Length: 10\r\n\r\nearly");
  talk.ask("\r\n0\r\n\r\n");  // content, too
  talk.ask(kPoison);
  end_upload();
  talk.answer("later");
  talk.ask(ask("202"));
  talk.answer(answer("202"));
  EXPECT_EQ(talk.summaries(), (Lines{"POST /201 201 ?", "GET /202 202 0"}));
}

TEST_P(Upload, ContentAfter100ContinueIsNoRequest) {
  talk.answer("HTTP/1.1 100 Continue\r\n\r\n");
  talk.ask("\r\n0\r\n\r\n");
  talk.ask(kPoison);
  end_upload();
  talk.answer(answer("201"));
  talk.ask(ask("202"));
  talk.answer(answer("202"));
  EXPECT_EQ(talk.summaries(), (Lines{"POST /201 201 ?", "GET /202 202 0"}));
}

// It looks like the end of the chunks, too: only the next request shows that it was none.
TEST_P(Upload, ContentThatLooksLikeAnEndGivesTheConnectionUp) {
  talk.answer(answer("201"));
  talk.ask("\r\n0\r\n\r\n");
  talk.ask(kPoison);
  end_upload();
  talk.ask(ask("202"));
  talk.answer(answer("202"));
  talk.ask(ask("203"));
  talk.answer(answer("203"));
  EXPECT_EQ(talk.summaries(), Lines{"POST /201 201 ?"});
  EXPECT_TRUE(talk.policies.ignored());
}

TEST_P(Upload, AnswersOfRequestsThatAreNotFoundAreCounted) {
  talk.answer(answer("201"));
  for (const std::string status : {"202", "203"}) {
    talk.ask(ask(status));
    talk.answer(answer(status));
  }
  EXPECT_EQ(talk.summaries(), Lines{"POST /201 201 ?"});
  EXPECT_EQ(talk.sink.unpaired, 2U);
}

TEST(Http1Doubt, ContentAfter100ContinueToATruncatedHeadIsNoRequest) {
  Conversation talk;
  const std::string head = "POST /201 HTTP/1.1\r\nCookie: " + std::string(5000, 'c') +
                           "\r\nContent-Length: 29\r\nExpect: 100-continue\r\n\r\n";
  talk.record(Direction::received, head, 4096, 0);
  talk.sent("HTTP/1.1 100 Continue\r\n\r\n");
  talk.received(kPoison);
  talk.sent(answer("201"));
  talk.received(ask("202"));
  talk.sent(answer("202"));
  EXPECT_EQ(talk.summaries(), (Lines{"POST /201 201 ?", "GET /202 202 0"}));
}

TEST(Http1Doubt, AnIncompleteRequestNamesItsProcessAndItsTime) {
  Conversation talk;
  talk.received(ask("201"));
  talk.close();
  EXPECT_EQ(talk.sink.newest_incomplete.reason, IncompleteReason::no_answer);
  EXPECT_EQ(talk.sink.newest_incomplete.role, Role::server);
  EXPECT_EQ(talk.sink.newest_incomplete.time, talk.now());
}

struct Ending {
  std::string_view text;
  bool ends;
};

TEST(LastChunkWatch, KnowsTheEnd) {
  const Ending endings[] = {{"\n0\r\n\r\n", true},
                            {"x\r\n0\n\n", true},
                            {"\n0\r\nA: b\r\nC\r\n\r\n", true},
                            {"0\r\n\r\n", false},
                            {"\n00\r\n\r\n", false},
                            {"\n0;e\r\n\r\n", false},
                            {"\n0\r\n", false},
                            {"\n0\r\n\r", false},
                            {"\n0\r\n\r\nx", false},
                            {"\n0\r\n\r\n0\r\n\r\n", true},
                            {"\nb7\r\n", false},
                            {"\r\n\r\n", false},
                            {"\n0\r\r\n\r\n", false},
                            {"\n0\r\n\rA\r\n\r\n", true}};
  for (const auto& [text, ends] : endings) {
    LastChunkWatch watch;
    for (const char octet : text) static_cast<void>(watch.take(octet));
    EXPECT_EQ(watch.ended(), ends) << text;
  }
}

TEST(LastChunkWatch, BelievesNoLongTrailer) {
  LastChunkWatch watch;
  const std::string text = "\n0\r\n" + std::string(kMaxTrailerBelieved, 't') + "\r\n\r\n";
  for (const char octet : text) static_cast<void>(watch.take(octet));
  EXPECT_FALSE(watch.ended());
}

}  // namespace
}  // namespace beyla::protocols::http1
