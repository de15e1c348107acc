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

TEST(ConnectionInfo, PlaintextKnowsWhatCarriesIt) {
  constexpr ConnectionId kSocket = 0x9e98f;
  EXPECT_EQ(carrier_of(kSocket), 0U);
  EXPECT_EQ(carrier_of(ConnectionId{1} << 63U | kSocket), kSocket);
  EXPECT_EQ(carrier_of(ConnectionId{1} << 63U | ConnectionId{0x7fff} << 48U | kSocket), kSocket);
  EXPECT_FALSE(ConnectionInfo{}.encrypted());
  ConnectionInfo plaintext;
  plaintext.carrier = kSocket;
  EXPECT_TRUE(plaintext.encrypted());
}

}  // namespace
}  // namespace beyla::model
