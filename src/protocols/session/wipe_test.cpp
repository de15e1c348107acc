// No memory that the session table gives back still holds what a head, a held record or an
// undecided connection said. Looks at every block on its way to the allocator.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <new>
#include <string_view>

#include "protocols/http1/head_buffer.h"
#include "protocols/session/conversation.h"
#include "protocols/session/memory_recording.h"

namespace {

constexpr std::string_view kSecret = "s3crett0ken";
constexpr std::string_view kCapitals = "GESECRETTOKEN";  // may begin a method
constexpr std::size_t kTelling = 6;                      // bytes of a secret

// No std::string may hold the secret in this file: it would be found.
bool is_armed = false;
std::size_t leaks = 0;
std::size_t releases = 0;

void release(void* memory) {
  if (is_armed && memory != nullptr) {
    ++releases;
    const std::string_view text(static_cast<const char*>(memory), ::malloc_usable_size(memory));
    if (text.contains(kSecret.substr(0, kTelling)) ||
        text.contains(kCapitals.substr(2, kTelling))) {
      ++leaks;
    }
  }
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  void* memory = std::calloc(1, size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { release(memory); }

namespace beyla::protocols::session {
namespace {

using model::Direction;
using model::Role;

constexpr std::string_view kHead =
    "GET /a HTTP/1.1\r\nCookie: s3crett0ken\r\nX: s3crett0ken\r\n\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nSet-Cookie: s3crett0ken\r\n\r\n";
static_assert(kHead.contains(kSecret) && kAnswer.contains(kSecret));

class Wiping : public ::testing::Test {
 protected:
  void SetUp() override {
    leaks = releases = 0;
    is_armed = true;
  }
  void TearDown() override {
    is_armed = false;
    EXPECT_GT(releases, 0U);
    EXPECT_EQ(leaks, 0U);
  }
};

TEST(WipingCheck, SeesASecretThatIsNotWiped) {
  leaks = 0;
  is_armed = true;
  {
    const std::vector<char> copy(kHead.begin(), kHead.end());
  }
  is_armed = false;
  EXPECT_EQ(leaks, 1U);
}

TEST_F(Wiping, HeadsInPieces) {
  for (std::size_t piece = 1; piece < kHead.size(); ++piece) {
    Conversation talk;
    for (std::size_t at = 0; at < kHead.size(); at += piece) talk.ask(kHead.substr(at, piece));
    for (std::size_t at = 0; at < kAnswer.size(); at += piece) {
      talk.answer(kAnswer.substr(at, piece));
    }
    talk.close();
  }
}

TEST_F(Wiping, HeadsThatNeverEnd) {
  Conversation talk;
  talk.ask(kHead.substr(0, kHead.size() - 2));
  talk.close();
  Conversation flushed;
  flushed.ask(kHead.substr(0, kHead.size() - 2));
  flushed.flush();
}

TEST_F(Wiping, NamesThatARecordingMasks) {
  for (const std::string_view end : {": 1\r\n\r\n", ""}) {
    MemoryRecording recording;
    Conversation talk(Role::server, true, &recording);
    talk.ask("GET /a HTTP/1.1\r\n");
    talk.ask(kSecret);
    talk.ask(end);
    talk.close();
  }
}

TEST_F(Wiping, HeldRecords) {
  Conversation talk(Role::client);
  talk.send_late(kHead);
  talk.answer(kAnswer);
  talk.deliver_late();
  talk.send_late(kHead);
  talk.answer(kAnswer);
  talk.close();
}

TEST_F(Wiping, UndecidedConnections) {
  for (const Role role : {Role::server, Role::client, Role::unknown}) {
    Conversation talk(role, false);
    talk.ask(kCapitals);
    talk.close();
    Conversation pieces(role);
    for (const char& letter : kCapitals) pieces.ask({&letter, 1});
    pieces.close();
  }
}

// A connection lives on long after its heads: what was copied must be gone before the next comes.
TEST(WipingAfterUse, AHeadBufferThatLivesOnHoldsNothing) {
  http1::HeadBuffer buffer;
  const std::string_view piece = kHead.substr(0, kHead.size() - 1);
  ASSERT_EQ(buffer.feed(base::as_bytes(piece)).status, http1::HeadBuffer::Status::incomplete);
  const std::string_view copy = base::as_text(buffer.bytes());
  ASSERT_TRUE(copy.contains(kSecret));
  buffer.clear();
  EXPECT_EQ(copy.find_first_not_of('\0'), std::string_view::npos);
}

}  // namespace
}  // namespace beyla::protocols::session
