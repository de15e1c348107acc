#include "protocols/http2/string_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <string>

namespace beyla::protocols::http2 {
namespace {

struct Held {
  StringQueue::Position position;
  std::string text;
};

void expect_held(const StringQueue& queue, const std::deque<Held>& held) {
  for (const Held& one : held) ASSERT_EQ(queue.view(one.position, one.text.size()), one.text);
}

TEST(StringQueue, HoldsWhatWasNotDroppedWhereverItMoves) {
  std::mt19937 random(1);
  StringQueue queue;
  std::deque<Held> held;
  for (int i = 0; i < 20'000; ++i) {
    held.push_back({queue.end(), std::string(random() % 40, static_cast<char>('a' + i % 26))});
    queue.append(held.back().text);
    const std::size_t limit = 1 + i / 200;
    while (held.size() > limit) held.pop_front();
    queue.drop_before(held.front().position);
    if (i % 7 == 0) expect_held(queue, held);
  }
}

TEST(StringQueue, MemoryStaysNearWhatIsHeld) {
  StringQueue queue;
  const std::string text(100, 'x');
  for (int i = 0; i < 10'000; ++i) {
    const auto position = queue.end();
    queue.append(text);
    queue.append(text);
    queue.drop_before(position + 100);
  }
  EXPECT_EQ(queue.memory_bytes(), 512U);
}

TEST(StringQueue, WipesWhatWasDroppedOrMoved) {
  StringQueue queue;
  const auto begin = queue.end();
  queue.append("secret");
  const auto kept = queue.end();
  queue.append("kept");
  queue.drop_before(kept);
  EXPECT_EQ(queue.view(begin, 10), std::string(6, '\0') + "kept");
  queue.append(std::string(250, 'f'));  // moves to larger memory
  EXPECT_EQ(queue.view(kept, 4), "kept");
  EXPECT_EQ(queue.memory_bytes(), 512U);
}

TEST(StringQueue, WipesWhereItSlidFrom) {
  StringQueue queue;
  queue.append(std::string(150, 'd'));
  const auto kept = queue.end();
  queue.append(std::string(90, 'k'));
  queue.drop_before(kept);
  queue.append(std::string(20, 'n'));  // slides
  EXPECT_EQ(queue.memory_bytes(), 256U);
  EXPECT_EQ(queue.view(kept, 110), std::string(90, 'k') + std::string(20, 'n'));
  // Behind all of it: where the strings stood before.
  EXPECT_EQ(queue.view(kept + 110, 130), std::string(130, '\0'));
}

TEST(StringQueue, EmptyStringsTakeNothing) {
  StringQueue queue;
  queue.append("");
  EXPECT_EQ(queue.memory_bytes(), 0U);
  EXPECT_EQ(queue.view(queue.end(), 0), "");
}

}  // namespace
}  // namespace beyla::protocols::http2
