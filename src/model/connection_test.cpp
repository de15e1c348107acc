#include "model/connection.h"

#include <gtest/gtest.h>

namespace beyla::model {
namespace {

IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}};
}

TEST(IpAddress, MappedPrintsAsV4) { EXPECT_EQ(v4(10, 1, 2, 3).to_string(), "10.1.2.3"); }

TEST(IpAddress, KnowsLoopback) {
  IpAddress one{};
  EXPECT_FALSE(one.is_loopback());
  one.bytes[15] = 1;
  EXPECT_TRUE(one.is_loopback());
  EXPECT_EQ(one.to_string(), "::1");
  EXPECT_TRUE(v4(127, 9, 0, 1).is_loopback());
  EXPECT_FALSE(v4(128, 0, 0, 1).is_loopback());
}

}  // namespace
}  // namespace beyla::model
