#include "protocols/http2/huffman.h"

#include <gtest/gtest.h>

#include <string>

#include "protocols/http2/hpack_odd_encoder.h"
#include "protocols/http2/hpack_reference.h"
#include "protocols/http2/hpack_test_data.h"

namespace beyla::protocols::http2 {
namespace {

std::optional<std::string> decoded(std::string_view encoded) {
  std::string text(huffman_room(encoded.size()), '\0');
  const auto length = huffman_decode(base::as_bytes(encoded), text);
  if (!length) return std::nullopt;
  return text.substr(0, *length);
}

std::string every_byte() {
  std::string text;
  for (int byte = 0; byte < 256; ++byte) text += static_cast<char>(byte);
  return text;
}

TEST(Huffman, DecodesEveryPairOfSymbolsAtEveryBit) {
  for (const char first : every_byte()) {
    for (const char second : every_byte()) {
      for (const std::string_view before : {"", "0", "X", "&", "00000?", "0000000000!"}) {
        const std::string text = std::string(before) + first + second;
        ASSERT_EQ(decoded(huffman_encode(text)), text);
      }
    }
  }
}

// nghttp2 knows the code of each byte from its own table.
TEST(Huffman, HasTheCodesOfNghttp2) {
  for (const char byte : every_byte()) {
    const std::string value = std::string(8, byte) + std::string(160, 'a');
    ReferenceInflater inflater(kDefaultTableBytes);
    std::string told;
    const std::string block = hpack_integer(0x00, 4, 1) + hpack_string(value, true);
    EXPECT_TRUE(inflater.decode(block, [&](auto, std::string_view text) { told = text; }));
    EXPECT_EQ(told, value);
  }
}

TEST(Huffman, EmptyIsEmpty) { EXPECT_EQ(decoded(""), ""); }

TEST(Huffman, TakesUpToSevenBitsOfPadding) {
  EXPECT_EQ(decoded(from_hex("07")), "0");             // 00000 111
  EXPECT_EQ(decoded(from_hex("f8")), "&");             // 11111000 and none
  EXPECT_EQ(decoded(from_hex("fe3f")), "!");           // 1111111000 111111
  EXPECT_EQ(decoded(from_hex("fcff")), std::nullopt);  // 11111100 and eight
}

TEST(Huffman, RefusesWrongEnds) {
  EXPECT_EQ(decoded(from_hex("ff")), std::nullopt);                    // eight bits of padding
  EXPECT_EQ(decoded(from_hex("07ff")), std::nullopt);                  // eleven
  EXPECT_EQ(decoded(from_hex("06")), std::nullopt);                    // 00000 110: not of EOS
  EXPECT_EQ(decoded(from_hex("00")), std::nullopt);                    // 00000 000
  EXPECT_EQ(decoded(from_hex("fffe")), std::nullopt);                  // a code cut
  EXPECT_EQ(decoded(from_hex("ffffffff")), std::nullopt);              // EOS 11
  EXPECT_EQ(decoded(from_hex("fffffffc")), std::nullopt);              // EOS 00
  EXPECT_EQ(decoded(from_hex("07fffffffe0000000000")), std::nullopt);  // EOS within
}

TEST(Huffman, FitsTheRoomThatItAsksFor) {
  const std::string text(8000, 'e');
  const std::string encoded = huffman_encode(text);
  EXPECT_EQ(encoded.size(), 5000U);
  EXPECT_EQ(huffman_room(encoded.size()), text.size() + 2);
  EXPECT_EQ(decoded(encoded), text);
}

}  // namespace
}  // namespace beyla::protocols::http2
