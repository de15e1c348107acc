#include "protocols/http2/frame_walker.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "protocols/http2/frame_walker_lines.h"
#include "protocols/http2/http2_talk.h"

namespace beyla::protocols::http2 {
namespace {

const Lines kRefused = {"invalid", "lost"};

std::string headers(unsigned flags, std::uint32_t stream, std::string_view payload) {
  return frame(FrameType::headers, flags, stream, payload);
}
std::string continuation(unsigned flags, std::uint32_t stream, std::string_view payload) {
  return frame(FrameType::continuation, flags, stream, payload);
}

TEST(FrameWalker, BlocksOfSeveralFrames) {
  EXPECT_EQ(Walk()
                .feed(headers(kEndStream, 3, "a") + continuation(0, 3, "b") +
                      continuation(kEndHeaders, 3, "c") + headers(kEndHeaders, 5, "d"))
                .lines(),
            (Lines{"block 3 end abc", "block 5 d"}));
}

// RFC 9113 §6.10.
TEST(FrameWalker, NothingStandsWithinABlock) {
  EXPECT_EQ(Walk().feed(headers(0, 3, "a") + continuation(kEndHeaders, 5, "b")).lines(), kRefused);
  EXPECT_EQ(Walk().feed(headers(0, 3, "a") + data(3, "b")).lines(), kRefused);
  EXPECT_EQ(Walk().feed(headers(0, 3, "a") + headers(kEndHeaders, 3, "b")).lines(), kRefused);
  EXPECT_EQ(Walk().feed(continuation(kEndHeaders, 3, "b")).lines(), kRefused);
}

TEST(FrameWalker, PaddingAndWhatStandsInFront) {
  const std::string padded(
      "\x02"
      "ab\0\0",
      5);
  EXPECT_EQ(Walk().feed(headers(kEndHeaders | kPadded, 1, padded)).lines(), Lines{"block 1 ab"});
  const std::string priority = std::string(1, '\0') + u32(0) + "\x10" + "ab";
  EXPECT_EQ(Walk().feed(headers(kEndHeaders | kPadded | kPriority, 1, priority)).lines(),
            Lines{"block 1 ab"});
  EXPECT_EQ(Walk().feed(frame(FrameType::push_promise, kEndHeaders, 1, u32(2) + "ab")).lines(),
            Lines{"promise 1 ab"});
  // Its END_STREAM means nothing (RFC 9113 §6.6).
  EXPECT_EQ(
      Walk().feed(frame(FrameType::push_promise, kEndHeaders | kEndStream, 1, u32(2))).lines(),
      Lines{"promise 1 "});
}

// nginx answers once it has the block, and clients send the padding in a call of its own.
TEST(FrameWalker, ABlockIsWholeBeforeItsPaddingHasCome) {
  const std::string padded = headers(kEndHeaders | kPadded, 1,
                                     "\x03"
                                     "abPAD");
  const std::string next = headers(kEndHeaders, 3, "c");
  for (std::size_t missing = 1; missing <= 3; ++missing) {
    const std::size_t cut = padded.size() - missing;
    Walk walk;
    EXPECT_EQ(walk.feed(padded.substr(0, cut)).lines(), Lines{"block 1 ab"}) << missing;
    EXPECT_EQ(walk.feed(padded.substr(cut) + next).lines(), (Lines{"block 1 ab", "block 3 c"}))
        << missing;
  }
  EXPECT_EQ(Walk().feed(padded.substr(0, padded.size() - 4)).lines(), Lines{});
}

TEST(FrameWalker, PaddingThatIsTooLongIsRefusedBeforeItHasCome) {
  const std::string padded = headers(kEndHeaders | kPadded | kPriority, 1,
                                     "\x03"
                                     "abPAD");
  EXPECT_EQ(Walk().feed(padded.substr(0, padded.size() - 2)).lines(), kRefused);
}

TEST(FrameWalker, PaddingThatIsTooLong) {
  const std::string all = u32(0) + std::string("\x10", 1);
  EXPECT_EQ(Walk().feed(headers(kEndHeaders | kPriority, 1, all)).lines(), Lines{"block 1 "});
  EXPECT_EQ(Walk().feed(headers(kEndHeaders | kPriority, 1, all.substr(1))).lines(), kRefused);
  EXPECT_EQ(Walk().feed(headers(kEndHeaders | kPadded, 1, {})).lines(), kRefused);
  EXPECT_EQ(Walk()
                .feed(headers(kEndHeaders | kPadded, 1,
                              "\x02"
                              "a"))
                .lines(),
            kRefused);
  EXPECT_EQ(Walk().feed(headers(kEndHeaders | kPadded | kPriority, 1, "\x01" + all)).lines(),
            kRefused);
  EXPECT_EQ(Walk()
                .feed(frame(FrameType::push_promise, kEndHeaders | kPadded, 1, "\x01" + u32(2)))
                .lines(),
            kRefused);
}

TEST(FrameWalker, BytesOfDataWithoutPadding) {
  EXPECT_EQ(Walk().feed(data(1, "abc", false) + data(1, {})).lines(),
            (Lines{"data 1 3", "data 1 0 end"}));
  const auto padded = [](std::string_view payload) {
    return Walk().feed(frame(FrameType::data, kPadded, 1, payload)).lines();
  };
  EXPECT_EQ(padded("\x02"
                   "abc"),
            Lines{"data 1 1"});
  EXPECT_EQ(padded("\x03"
                   "abc"),
            Lines{"data 1 0"});
  EXPECT_EQ(padded("\x04"
                   "abc"),
            kRefused);
  EXPECT_EQ(padded({}), kRefused);
}

TEST(FrameWalker, NumbersOfThirtyOneBits) {
  EXPECT_EQ(Walk().feed(data(0x80000003, "a", false)).lines(), Lines{"data 3 1"});
  EXPECT_EQ(Walk().feed(goaway(0x80000007)).lines(), Lines{"goaway 7"});
  EXPECT_EQ(Walk().feed(reset(1, 0x80000008)).lines(), Lines{"reset 1 2147483656"});
}

// RFC 9113 §6.1 to §6.10.
TEST(FrameWalker, LengthsAndStreamsThatNobodyMaySend) {
  const struct {
    FrameType type;
    unsigned flags;
    std::uint32_t stream;
    std::size_t length;
    bool is_valid;
  } kCases[] = {
      {FrameType::data, 0, 0, 1, false},
      {FrameType::headers, kEndHeaders, 0, 1, false},
      {FrameType::priority, 0, 1, 5, true},
      {FrameType::priority, 0, 1, 4, false},
      {FrameType::priority, 0, 1, 6, false},
      {FrameType::priority, 0, 0, 5, false},
      {FrameType::rst_stream, 0, 1, 3, false},
      {FrameType::rst_stream, 0, 1, 5, false},
      {FrameType::rst_stream, 0, 0, 4, false},
      {FrameType::settings, 0, 0, 6, true},
      {FrameType::settings, 0, 0, 7, false},
      {FrameType::settings, 0, 1, 6, false},
      {FrameType::settings, kAck, 0, 0, true},
      {FrameType::settings, kAck, 0, 6, false},
      {FrameType::push_promise, 0, 1, 3, false},
      {FrameType::ping, 0, 0, 8, true},
      {FrameType::ping, 0, 0, 7, false},
      {FrameType::ping, 0, 0, 9, false},
      {FrameType::ping, 0, 1, 8, false},
      {FrameType::goaway, 0, 0, 7, false},
      {FrameType::goaway, 0, 1, 8, false},
      {FrameType::window_update, 0, 0, 4, true},
      {FrameType::window_update, 0, 1, 4, true},
      {FrameType::window_update, 0, 1, 3, false},
      {FrameType::window_update, 0, 1, 5, false},
      {static_cast<FrameType>(10), 0xff, 0, 3, true},
      {static_cast<FrameType>(255), 0, 1, 0, true},
  };
  for (const auto& it : kCases) {
    const std::string bytes = frame(it.type, it.flags, it.stream, std::string(it.length, '\1'));
    EXPECT_EQ(Walk().feed(bytes).lines(), it.is_valid ? Lines{} : kRefused)
        << static_cast<int>(it.type) << " on " << it.stream << " of " << it.length;
  }
}

TEST(FrameWalker, BlocksAreAsLongAsTheyMayBe) {
  const std::string most(kMaxBlockBytes - 1, 'x');
  EXPECT_EQ(Walk().feed(headers(0, 1, most) + continuation(kEndHeaders, 1, "y")).lines(),
            Lines{"block 1 " + most + 'y'});
  EXPECT_EQ(Walk().feed(headers(0, 1, most) + continuation(kEndHeaders, 1, "yz")).lines(),
            (Lines{"limit", "lost"}));
}

TEST(FrameWalker, LargeBuffersAreGivenBack) {
  constexpr std::size_t kSmall = 5000;
  Walk walk;
  walk.feed(headers(0, 1, std::string(60'000, 'x')) + continuation(kEndHeaders, 1, "y"));
  const std::string later = headers(0, 3, "a");
  walk.feed(later.substr(0, kFrameHeaderBytes)).feed(later.substr(kFrameHeaderBytes));
  EXPECT_LT(walk.walker().memory_bytes(), kSmall);
}

TEST(FrameWalker, HolesInBlocksBreakThem) {
  const std::string second = continuation(kEndHeaders, 1, "cd");
  Walk walk;
  walk.feed(headers(0, 1, "ab").substr(0, kFrameHeaderBytes + 1)).miss(1).feed(second);
  ASSERT_EQ(walk.lines().size(), 1U);
  EXPECT_TRUE(walk.lines()[0].starts_with("block 1 broken"));
}

TEST(FrameWalker, HolesThatEndWithAFrame) {
  const std::string bytes = data(1, "content", false);
  EXPECT_EQ(Walk().feed(bytes.substr(0, kFrameHeaderBytes)).miss(7).feed(data(3, "x")).lines(),
            (Lines{"data 1 7", "data 3 1 end"}));
  EXPECT_EQ(Walk().feed(bytes.substr(0, kFrameHeaderBytes)).miss(8).lines(),
            (Lines{"data 1 7", "lost"}));
}

TEST(FrameWalker, FramesAreFoundWhereCallsBegin) {
  const std::string chain = data(1, "x") + data(3, "y");
  Walk walk(false, false);
  EXPECT_EQ(walk.feed(chain, false).lines(), Lines{"lost"});
  EXPECT_EQ(walk.feed(chain).lines(), (Lines{"lost", "data 1 1 end", "data 3 1 end"}));
}

TEST(FrameWalker, BytesBeforeTheFirstWereMissed) {
  EXPECT_EQ(Walk().begin_at(1).feed(data(1, "x").substr(0, 9)).lines(), Lines{"lost"});
  EXPECT_EQ(Walk().begin_at(0).feed(data(1, "x")).lines(), Lines{"data 1 1 end"});
}

TEST(FrameWalker, WhereTheNextFrameBegins) {
  using Boundary = std::optional<std::uint64_t>;
  const std::string upload = data(1, "content", false);
  EXPECT_EQ(Walk().walker().bytes_to_boundary(), Boundary{0});
  EXPECT_EQ(Walk().feed(upload.substr(0, 4)).walker().bytes_to_boundary(), Boundary{});
  EXPECT_EQ(Walk().feed(upload.substr(0, 12)).walker().bytes_to_boundary(), Boundary{4});
  // Its end is something that happens to the stream.
  EXPECT_EQ(Walk().feed(data(1, "content").substr(0, 12)).walker().bytes_to_boundary(), Boundary{});
  EXPECT_EQ(Walk().feed(headers(0, 1, "a")).walker().bytes_to_boundary(), Boundary{});
  EXPECT_EQ(Walk().feed(headers(kEndHeaders, 1, "a")).walker().bytes_to_boundary(), Boundary{0});
}

}  // namespace
}  // namespace beyla::protocols::http2
