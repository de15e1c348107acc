// Against nghttp2: every field that we tell is its field, or unknown; from byte 0 none is unknown.
#include <gtest/gtest.h>

#include <random>

#include "protocols/http2/hpack_agreement.h"
#include "protocols/http2/hpack_odd_encoder.h"
#include "protocols/http2/hpack_table.h"

namespace beyla::protocols::http2 {
namespace {

using Random = std::mt19937;
constexpr std::size_t kAnyTableBytes = 1U << 20U;

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

struct Block {
  std::string bytes;
  ReferenceFields fields;
};
using Connection = std::vector<Block>;

std::string random_text(Random& random, std::size_t max_length) {
  constexpr std::string_view kLetters =
      "0123456789abcdefghijklmnopqrstuvwxyz-_/.:;= ABCXYZ%\\\xff\x01";
  std::string text(below(random, max_length + 1), ' ');
  for (char& letter : text) letter = kLetters[below(random, kLetters.size())];
  return text;
}

ReferenceFields random_fields(Random& random) {
  constexpr std::array<std::string_view, 10> kNames = {
      ":path",  ":authority", "traceparent", "grpc-status", "te",
      "cookie", "user-agent", "x-a",         "x-b",         "accept"};
  ReferenceFields fields = {{":method", below(random, 2) == 0 ? "GET" : "POST"}};
  for (std::size_t left = below(random, 10); left > 0; --left) {
    std::string name(kNames[below(random, kNames.size())]);
    if (below(random, 20) == 0) name = "x-" + random_text(random, 20);
    std::string value = below(random, 2) == 0 ? "usual" + std::to_string(below(random, 20))
                                              : random_text(random, 60);
    if (below(random, 200) == 0) value = random_text(random, 3000);
    fields.push_back({std::move(name), std::move(value), below(random, 10) == 0});
  }
  return fields;
}

// By nghttp2's encoder, which is told now and then of another limit.
Connection usual_connection(Random& random, std::size_t max_table_bytes) {
  ReferenceDeflater deflater(max_table_bytes);
  Connection blocks;
  for (int i = 0; i < 120; ++i) {
    if (below(random, 20) == 0) deflater.change_table_size(below(random, max_table_bytes + 1));
    if (below(random, 40) == 0) deflater.change_table_size(max_table_bytes);
    ReferenceFields fields = random_fields(random);
    std::string bytes = deflater.encode(fields);
    blocks.push_back({std::move(bytes), std::move(fields)});
  }
  return blocks;
}

Connection odd_connection(Random& random, std::size_t max_table_bytes) {
  std::vector<std::uint8_t> bytes(12'000);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  Choices choices(bytes);
  OddEncoder encoder(max_table_bytes);
  ReferenceInflater inflater(kAnyTableBytes);
  Connection blocks;
  while (!choices.empty()) {
    Block block{encoder.encode(choices), {}};
    const bool decoded =
        inflater.decode(block.bytes, [&](std::string_view name, std::string_view value) {
          block.fields.push_back({std::string(name), std::string(value)});
        });
    EXPECT_TRUE(decoded);
    blocks.push_back(std::move(block));
  }
  return blocks;
}

Connection any_connection(Random& random, std::size_t max_table_bytes) {
  return below(random, 2) == 0 ? usual_connection(random, max_table_bytes)
                               : odd_connection(random, max_table_bytes);
}

// Each block whole; all is accepted and told of.
Agreement decode_from(const Connection& blocks, std::size_t first, const HeaderSelection& wanted) {
  HpackDecoder decoder(wanted);
  Agreement all;
  for (std::size_t i = first; i < blocks.size(); ++i) {
    const auto told = decode(decoder, blocks[i].bytes);
    if (!told || told->size() != blocks[i].fields.size()) return {.wrong = 1};
    all += compare(*told, blocks[i].fields, wanted);
  }
  return all;
}

TEST(HpackAgainstNghttp2, EveryFieldIsKnownFromByteZero) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Connection blocks = any_connection(random, below(random, kMaxTableBytes + 1));
    for (const HeaderSelection* wanted : {&kEveryHeader, &kSomeHeaders}) {
      const Agreement all = decode_from(blocks, 0, *wanted);
      EXPECT_EQ(all.wrong, 0U) << seed;
      EXPECT_EQ(all.unknown, 0U) << seed;
      EXPECT_GT(all.known, blocks.size()) << seed;
    }
  }
}

TEST(HpackAgainstNghttp2, FieldsAreRightOrUnknownFromAnyBlock) {
  Agreement all;
  for (unsigned seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Connection blocks = any_connection(random, below(random, kMaxTableBytes + 1));
    const std::size_t first = 1 + below(random, blocks.size() / 2);
    for (const HeaderSelection* wanted : {&kEveryHeader, &kSomeHeaders}) {
      all += decode_from(blocks, first, *wanted);
      EXPECT_EQ(all.wrong, 0U) << seed;
    }
  }
  EXPECT_GT(all.unknown, 0U);
  EXPECT_GT(all.known, 2 * all.unknown);
}

// A table larger than any that we keep.
TEST(HpackAgainstNghttp2, FieldsAreRightOrUnknownWithHugeTables) {
  Agreement all;
  for (unsigned seed = 0; seed < 30; ++seed) {
    Random random(seed);
    const Connection blocks = any_connection(random, kAnyTableBytes);
    all += decode_from(blocks, 0, kEveryHeader);
    all += decode_from(blocks, below(random, blocks.size()), kEveryHeader);
    EXPECT_EQ(all.wrong, 0U) << seed;
  }
  EXPECT_GT(all.unknown, 0U);
  EXPECT_GT(all.known, 10 * all.unknown);
}

// What was told of a block that ends too early is the beginning of what was in it.
void decode_cut(HpackDecoder& decoder, const Block& block, Random& random) {
  ToldFieldSink sink;
  const std::string_view part =
      std::string_view(block.bytes).substr(0, below(random, block.bytes.size()));
  const bool accepted = decoder.decode(base::as_bytes(part), sink);
  EXPECT_LE(sink.fields.size(), block.fields.size());
  EXPECT_EQ(compare(sink.fields, block.fields).wrong, 0U);
  if (accepted) decoder.forget();
}

TEST(HpackAgainstNghttp2, FieldsAreRightOrUnknownWhereBlocksAreDroppedOrCut) {
  Agreement all;
  for (unsigned seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const Connection blocks = any_connection(random, below(random, 2 * kMaxTableBytes));
    HpackDecoder decoder;
    for (const Block& block : blocks) {
      const std::size_t fate = below(random, 20);
      if (fate == 0) {
        decoder.forget();
      } else if (fate == 1) {
        decode_cut(decoder, block, random);
      } else {
        const auto told = decode(decoder, block.bytes);
        ASSERT_TRUE(told) << seed;
        ASSERT_EQ(told->size(), block.fields.size());
        all += compare(*told, block.fields);
      }
    }
    EXPECT_EQ(all.wrong, 0U) << seed;
  }
  EXPECT_GT(all.unknown, 0U);
  EXPECT_GT(all.known, all.unknown);
}

// What came before we joined is evicted sooner or later where something is inserted.
TEST(HpackAgainstNghttp2, WhoJoinedLateEndsWithKnowingAll) {
  ReferenceDeflater deflater(kDefaultTableBytes);
  HpackDecoder decoder;
  std::size_t unknown = 0;
  for (int i = 0; i < 400; ++i) {
    const ReferenceFields fields = {{":authority", "orders:50051"},
                                    {"te", "trailers"},
                                    {"referer", "https://shop.example.com/" + std::to_string(i)}};
    const std::string block = deflater.encode(fields);
    if (i < 100) continue;
    const auto told = decode(decoder, block);
    ASSERT_TRUE(told);
    const Agreement agreement = compare(*told, fields);
    ASSERT_EQ(agreement.wrong, 0U);
    unknown += agreement.unknown;
    if (i > 200) {
      EXPECT_EQ(agreement.unknown, 0U) << i;
    }
  }
  EXPECT_GT(unknown, 0U);
}

}  // namespace
}  // namespace beyla::protocols::http2
