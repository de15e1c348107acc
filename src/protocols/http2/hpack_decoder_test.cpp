#include "protocols/http2/hpack_decoder.h"

#include <gtest/gtest.h>

#include "protocols/http2/hpack_agreement.h"
#include "protocols/http2/hpack_odd_encoder.h"
#include "protocols/http2/hpack_test_data.h"

namespace beyla::protocols::http2 {
namespace {

constexpr std::uint8_t kInserted = 0x40;
constexpr std::uint8_t kNotInserted = 0x00;

std::string literal(std::uint8_t flags, std::string_view name, std::string_view value) {
  const unsigned prefix_bits = flags == kInserted ? 6 : 4;
  return hpack_integer(flags, prefix_bits, 0) + hpack_string(name, false) +
         hpack_string(value, true);
}
std::string indexed(std::uint64_t index) { return hpack_integer(0x80, 7, index); }
const ToldFields kNothingKnown = {{std::nullopt, std::nullopt}};

TEST(HpackDecoder, EntriesOfBeforeWeJoinedAreUnknown) {
  HpackDecoder decoder;
  EXPECT_EQ(decode(decoder, indexed(62)), kNothingKnown);
  EXPECT_EQ(decode(decoder, literal(kInserted, "a", "b") + indexed(62) + indexed(63)),
            (ToldFields{{"a", "b"}, {"a", "b"}, {std::nullopt, std::nullopt}}));
  EXPECT_EQ(decode(decoder, indexed(0xFFFFFFFF)), kNothingKnown);
}

TEST(HpackDecoder, AnUnknownNameIsInsertedAsUnknown) {
  HpackDecoder decoder;
  const std::string block = hpack_integer(kInserted, 6, 70) + hpack_string("value", true);
  EXPECT_EQ(decode(decoder, block + indexed(62)),
            (ToldFields{{std::nullopt, "value"}, {std::nullopt, "value"}}));
  EXPECT_EQ(decode(decoder, literal(kInserted, "a", "b") + indexed(63) + indexed(62)),
            (ToldFields{{"a", "b"}, {std::nullopt, "value"}, {"a", "b"}}));
}

// RFC 7541 §4.4: the new entry evicts the one that its name stands in.
TEST(HpackDecoder, ANameOutlivesTheEntryThatItComesFrom) {
  HpackDecoder decoder;
  const std::string name(50, 'n');
  const std::string update = hpack_integer(0x20, 5, 100);
  ASSERT_TRUE(decode(decoder, update + literal(kInserted, name, "1")));
  for (const std::string_view value : {"2", "3", "4"}) {
    const std::string block = hpack_integer(kInserted, 6, 62) + hpack_string(value, false);
    EXPECT_EQ(decode(decoder, block), (ToldFields{{name, std::string(value)}}));
  }
  EXPECT_EQ(decode(decoder, indexed(62) + indexed(63)),
            (ToldFields{{name, "4"}, {std::nullopt, std::nullopt}}));
}

TEST(HpackDecoder, ATableThatMayNotGrowHoldsTheNewest) {
  for (const bool exists : {false, true}) {
    HpackDecoder decoder;
    if (exists) {
      ASSERT_TRUE(decode(decoder, literal(kInserted, "a", "b")));
    }
    decoder.set_max_table_bytes(kDefaultTableBytes);
    const std::string value(1500, 'v');
    std::string block = hpack_integer(0x20, 5, kMaxTableBytes);
    for (const std::string_view name : {"1", "2", "3"}) block += literal(kInserted, name, value);
    EXPECT_EQ(decode(decoder, block + indexed(62) + indexed(63) + indexed(64)),
              (ToldFields{{"1", value},
                          {"2", value},
                          {"3", value},
                          {"3", value},
                          {"2", value},
                          {std::nullopt, std::nullopt}}));
  }
}

TEST(HpackDecoder, ForgettingIsJoiningNow) {
  HpackDecoder decoder;
  ASSERT_TRUE(decode(decoder, literal(kInserted, "a", "b")));
  decoder.forget();
  EXPECT_EQ(decode(decoder, indexed(62)), kNothingKnown);
}

struct Refused {
  std::string_view why;
  std::string block;
};

TEST(HpackDecoder, RefusesWhatBreaksTheRulesAndForgets) {
  const std::string field = literal(kNotInserted, "a", "b");
  const std::vector<Refused> blocks = {
      {"index 0", indexed(0)},
      {"an integer over 32 bits", from_hex("ff 82ffffff0f")},
      {"an integer that never ends", from_hex("ff 808080808000")},
      {"a cut integer", from_hex("ff 80")},
      {"no name", from_hex("00")},
      {"a cut name", from_hex("00 03 6161")},
      {"a name and no value", from_hex("00 01 61")},
      {"a length behind the end", from_hex("00 01 61 7f ffffff07")},
      {"a code that is none", from_hex("00 01 61 81 00")},
      {"a name of a code that is none", from_hex("00 81 00 00")},
      {"a table size behind a field", field + hpack_integer(0x20, 5, 4096)},
      {"a cut table size", from_hex("3f")},
      {"65 KiB of fields",
       [] {
         std::string block;
         for (int i = 0; i < 65; ++i) block += literal(kNotInserted, "a", std::string(1024, 'e'));
         return block;
       }()},
      {"fields that unfold",
       [] {
         std::string block = literal(kInserted, "a", std::string(4000, 'e'));
         for (int i = 0; i < 16; ++i) block += indexed(62);
         return block;
       }()},
      {"empty fields without end", std::string(64 * 1024 / 32 + 1, '\xBF')},
  };
  for (const Refused& refused : blocks) {
    HpackDecoder decoder;
    ASSERT_TRUE(decode(decoder, literal(kInserted, "x", "y")));
    ToldFieldSink sink;
    EXPECT_FALSE(decoder.decode(base::as_bytes(refused.block), sink)) << refused.why;
    EXPECT_LE(sink.fields.size(), 2048U) << refused.why;
    EXPECT_EQ(decode(decoder, indexed(62)), kNothingKnown) << refused.why;
  }
}

TEST(HpackDecoder, TakesIntegersUpToTheirLimit) {
  HpackDecoder decoder;
  EXPECT_EQ(decode(decoder, from_hex("ff 80ffffff0f")), kNothingKnown);  // 2^32 - 1
  EXPECT_EQ(decode(decoder, from_hex("ff 8080808000")), kNothingKnown);  // 127, the long way
}

TEST(HpackDecoder, TwoTableSizesAndNothingElseIsABlock) {
  HpackDecoder decoder;
  EXPECT_EQ(decode(decoder, from_hex("20 3fe11f")), ToldFields{});
  EXPECT_EQ(decode(decoder, ""), ToldFields{});
}

TEST(HpackDecoder, ATableSizeOfZeroEmptiesTheTable) {
  HpackDecoder decoder;
  ASSERT_TRUE(decode(decoder, literal(kInserted, "a", "b")));
  EXPECT_EQ(decode(decoder, from_hex("20 3fe11f") + indexed(62)), kNothingKnown);
}

TEST(HpackDecoder, AStringOverTheLimitIsUnknownAndKeepsItsPlace) {
  HpackDecoder decoder;
  const std::string longest(kMaxHpackStringBytes, 'x');
  const std::string block = hpack_integer(kInserted, 6, 0) + hpack_string("a", false);
  EXPECT_EQ(decode(decoder, block + hpack_string(longest, false)), (ToldFields{{"a", longest}}));
  EXPECT_EQ(decode(decoder, block + hpack_string(longest + "x", false)),
            (ToldFields{{"a", std::nullopt}}));
  ASSERT_TRUE(decode(decoder, literal(kInserted, "c", "d")));
  const std::string other_value =
      hpack_integer(kNotInserted, 4, 62) + hpack_string(longest + "x", false);
  EXPECT_EQ(decode(decoder, other_value), (ToldFields{{"c", std::nullopt}}));
  EXPECT_EQ(decode(decoder, indexed(62) + indexed(63)),
            (ToldFields{{"c", "d"}, {"a", std::nullopt}}));
}

TEST(HpackDecoder, TellsNoValuesThatNobodyWants) {
  HpackDecoder decoder(kSomeHeaders);
  const std::string cookie = hpack_integer(kInserted, 6, 32) + hpack_string("secret", true);
  const std::string block =
      cookie + literal(kInserted, "x-token", "secret") + literal(kInserted, "traceparent", "00-1");
  EXPECT_EQ(
      decode(decoder, block),
      (ToldFields{{"cookie", std::nullopt}, {"x-token", std::nullopt}, {"traceparent", "00-1"}}));
  EXPECT_EQ(decode(decoder, indexed(62) + indexed(63) + indexed(64) + indexed(65)),
            (ToldFields{{"traceparent", "00-1"},
                        {"x-token", std::nullopt},
                        {"cookie", std::nullopt},
                        {std::nullopt, std::nullopt}}));
  const std::string again = hpack_integer(kInserted, 6, 62) + hpack_string("00-2", true);
  EXPECT_EQ(decode(decoder, again + indexed(62)),
            (ToldFields{{"traceparent", "00-2"}, {"traceparent", "00-2"}}));
  const std::string other = hpack_integer(kInserted, 6, 64) + hpack_string("secret", true);
  EXPECT_EQ(decode(decoder, other + indexed(62)),
            (ToldFields{{"x-token", std::nullopt}, {"x-token", std::nullopt}}));
}

TEST(HpackDecoder, TakesNoMemoryUntilSomethingIsInserted) {
  HpackDecoder decoder;
  ASSERT_TRUE(decode(decoder, indexed(2) + indexed(62) + literal(kNotInserted, "a", "b")));
  EXPECT_EQ(decoder.memory_bytes(), 0U);
  ASSERT_TRUE(decode(decoder, literal(kInserted, "a", "b")));
  EXPECT_GT(decoder.memory_bytes(), 0U);
  EXPECT_LT(decoder.memory_bytes(), 1024U);
}

TEST(HpackDecoder, MovesWithItsTable) {
  HpackDecoder first;
  ASSERT_TRUE(decode(first, literal(kInserted, "a", "b")));
  HpackDecoder second = std::move(first);
  EXPECT_EQ(decode(second, indexed(62)), (ToldFields{{"a", "b"}}));
}

}  // namespace
}  // namespace beyla::protocols::http2
