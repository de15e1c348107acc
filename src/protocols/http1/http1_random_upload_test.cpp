// Uploads in chunks full of what looks like ends, requests and answers, in random pieces of which
// only the ends are copied, answered before, while or after they come. No pair may be wrong: path
// and status carry the same number.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <sstream>
#include <string>
#include <string_view>

#include "protocols/session/conversation.h"

namespace beyla::protocols::http1 {
namespace {

using model::Role;
using session::Conversation;

constexpr unsigned kConversations = 20000;
constexpr unsigned kExchanges = 6;        // of each
constexpr std::size_t kCopiedBytes = 30;  // of each end of a record
constexpr std::size_t kMaxPiece = 200;

std::string content_of(std::mt19937& random) {
  static const std::array<std::string, 9> kParts = {
      "\r\n0\r\n\r\n",
      "GET /poison HTTP/1.1\r\n\r\n",
      "\r\n",
      "0\r\n\r\n",
      "PUT /poison HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
      "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n",
      "GET /poison HTTP/1.1\r\n",
      std::string(150, 'x'),
      "HTTP/1.1 100 Continue\r\n\r\n"};
  std::string result;
  for (auto i = 1 + random() % 6; i > 0; --i) result += kParts[random() % kParts.size()];
  return result;
}

class UploadingTalk {
 public:
  UploadingTalk(unsigned seed, Role role) : random_(seed), talk_(role) {}

  void exchange(unsigned number) {
    const std::string path = std::to_string(number);
    const std::string reply = "HTTP/1.1 " + path + " X\r\nContent-Length: 4\r\n\r\nbody";
    if (random_() % 3 == 0) {
      talk_.ask("GET /" + path + " HTTP/1.1\r\n\r\n");
      talk_.answer(reply);
      return;
    }
    talk_.ask("POST /" + path + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (random_() % 3 == 0) talk_.answer("HTTP/1.1 100 Continue\r\n\r\n");
    interleave(chunks(), reply, random_() % 2 == 0);
  }
  [[nodiscard]] Conversation& talk() { return talk_; }

 private:
  std::string chunks() {
    std::ostringstream body;
    for (auto i = random_() % 4; i > 0; --i) {
      const std::string content = content_of(random_);
      body << std::hex << content.size() << "\r\n" << content << "\r\n";
    }
    body << "0\r\n\r\n";
    return body.str();
  }

  void interleave(std::string_view upload, std::string_view reply, bool early) {
    while (!upload.empty()) {
      send(upload);
      if (early && !reply.empty() && random_() % 3 == 0) answer_part(reply);
    }
    while (!reply.empty()) answer_part(reply);
  }

  // Often up to where something begins that looks like a message.
  void send(std::string_view& rest) {
    std::size_t size = std::min<std::size_t>(rest.size(), 1 + random_() % kMaxPiece);
    const auto poison = rest.find(random_() % 2 == 0 ? "GET " : "PUT ", 1);
    if (poison != std::string_view::npos && random_() % 2 == 0) size = poison;
    const std::size_t head = std::min(size, kCopiedBytes);
    talk_.record(talk_.asking(), rest.substr(0, size), head, std::min(size - head, kCopiedBytes));
    rest.remove_prefix(size);
  }

  void answer_part(std::string_view& rest) {
    const std::size_t size =
        random_() % 2 == 0 ? rest.size() : std::min<std::size_t>(rest.size(), 1 + random_() % 30);
    talk_.answer(rest.substr(0, size));
    rest.remove_prefix(size);
  }

  std::mt19937 random_;
  Conversation talk_;
};

class Http1RandomUpload : public ::testing::TestWithParam<Role> {};
INSTANTIATE_TEST_SUITE_P(BothRoles, Http1RandomUpload,
                         ::testing::Values(Role::server, Role::client));

TEST_P(Http1RandomUpload, NeverPairsWrongly) {
  std::size_t total = 0;
  for (unsigned seed = 0; seed < kConversations; ++seed) {
    UploadingTalk uploading(seed, GetParam());
    for (unsigned i = 0; i < kExchanges; ++i) uploading.exchange(210 + i);
    uploading.talk().close();
    for (const auto& exchange : uploading.talk().sink.exchanges) {
      ASSERT_EQ(exchange.semantics.target, "/" + exchange.semantics.outcome) << "seed " << seed;
    }
    total += uploading.talk().sink.exchanges.size();
  }
  RecordProperty("told", std::to_string(total));
  EXPECT_GT(total, kConversations * kExchanges / 2);  // and it does not just drop all
}

}  // namespace
}  // namespace beyla::protocols::http1
