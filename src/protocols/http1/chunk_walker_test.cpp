#include "protocols/http1/chunk_walker.h"

#include <gtest/gtest.h>

#include <string>

#include "base/byte_reader.h"

namespace beyla::protocols::http1 {
namespace {

using namespace std::string_view_literals;

std::size_t feed(ChunkWalker& walker, std::string_view text) {
  return walker.feed(base::as_bytes(text));
}

TEST(ChunkWalker, CountsWhatItDecodes) {
  constexpr auto kBody = "5\r\nhello\r\n1A;name=\"v\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n"sv;
  ChunkWalker walker;
  EXPECT_EQ(feed(walker, std::string(kBody) + "GET /"), kBody.size());
  EXPECT_TRUE(walker.done());
  EXPECT_EQ(walker.decoded_bytes(), 31U);
}

TEST(ChunkWalker, AnySplitGivesTheSame) {
  constexpr auto kBody = "5\r\n0\r\n\r\n\r\n3 \r\nabc\n0\r\nTrailer: 1\r\nX: 0\r\n\r\n"sv;
  for (std::size_t cut = 0; cut <= kBody.size(); ++cut) {
    ChunkWalker walker;
    const auto first = feed(walker, kBody.substr(0, cut));
    const auto second = feed(walker, kBody.substr(cut));
    EXPECT_EQ(first + second, kBody.size());
    EXPECT_TRUE(walker.done());
    EXPECT_EQ(walker.decoded_bytes(), 8U);
  }
}

TEST(ChunkWalker, RejectsWhatIsNoChunk) {
  for (const auto text :
       {"x\r\n", "\r\n", "5\rx", "5,\r\n", "2\r\nabc", "2\r\nab\rX", "11111111111111111\r\n"}) {
    ChunkWalker walker;
    (void)feed(walker, text);
    EXPECT_TRUE(walker.lost()) << text;
  }
}

TEST(ChunkWalker, SizesThatSumUpBeyond64BitsAreRejected) {
  ChunkWalker walker;
  (void)feed(walker, "FFFFFFFFFFFFFFFF\r\n");
  EXPECT_FALSE(walker.lost());
  walker.skip(0xFFFFFFFFFFFFFFFF);
  (void)feed(walker, "\r\n1\r\n");
  EXPECT_TRUE(walker.lost());
}

TEST(ChunkWalker, LongExtensionsAndTrailersAreRejected) {
  ChunkWalker extension;
  (void)feed(extension, "5;" + std::string(kMaxChunkLineBytes + 1, 'x'));
  EXPECT_TRUE(extension.lost());
  ChunkWalker trailer;
  (void)feed(trailer, "0\r\n" + std::string(kMaxTrailerBytes + 1, 'x'));
  EXPECT_TRUE(trailer.lost());
}

TEST(ChunkWalker, AHoleInsideDataIsHarmless) {
  ChunkWalker walker;
  (void)feed(walker, "64\r\nab");
  walker.skip(98);
  EXPECT_FALSE(walker.lost());
  (void)feed(walker, "\r\n0\r\n\r\n");
  EXPECT_TRUE(walker.done());
  EXPECT_EQ(walker.decoded_bytes(), 100U);
}

TEST(ChunkWalker, AHoleThatTouchesALineIsALoss) {
  ChunkWalker past_data;
  (void)feed(past_data, "64\r\nab");
  past_data.skip(99);
  EXPECT_TRUE(past_data.lost());
  ChunkWalker in_size;
  (void)feed(in_size, "6");
  in_size.skip(1);
  EXPECT_TRUE(in_size.lost());
  ChunkWalker in_trailer;
  (void)feed(in_trailer, "0\r\n");
  in_trailer.skip(1);
  EXPECT_TRUE(in_trailer.lost());
}

}  // namespace
}  // namespace beyla::protocols::http1
