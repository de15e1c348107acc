#include "protocols/http2/hpack_block.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "protocols/http2/hpack_odd_encoder.h"

namespace beyla::protocols::http2 {
namespace {

// What lies where a room lay, after use() of it.
template <typename Use>
std::string left_by(Use use) {
  alignas(StringRoom) std::array<std::byte, sizeof(StringRoom)> memory{};
  auto* room = new (memory.data()) StringRoom;
  use(*room);
  std::destroy_at(room);
  return std::string(base::as_text(memory)).substr(0, huffman_room(kMaxHpackStringBytes));
}

bool is_wiped(const std::string& memory) {
  return memory.find_first_not_of('\0') == std::string::npos;
}

TEST(StringRoom, IsWiped) {
  const std::string whole = huffman_encode("secret of some length");
  const std::string broken = whole + "\xff\xff";
  EXPECT_TRUE(is_wiped(left_by([&](StringRoom& room) {
    EXPECT_EQ(room.decode(base::as_bytes(whole)), "secret of some length");
    EXPECT_EQ(room.decode(base::as_bytes(huffman_encode("short"))), "short");
  })));
  EXPECT_TRUE(is_wiped(left_by(
      [&](StringRoom& room) { EXPECT_EQ(room.decode(base::as_bytes(broken)), std::nullopt); })));
  EXPECT_TRUE(is_wiped(left_by([](StringRoom& room) { EXPECT_EQ(room.copy("name"), "name"); })));
}

}  // namespace
}  // namespace beyla::protocols::http2
