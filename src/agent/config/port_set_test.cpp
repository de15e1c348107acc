#include "agent/config/port_set.h"

#include <string>

#include <gtest/gtest.h>

namespace beyla::agent::config {
namespace {

TEST(PortSetTest, ContainsExactlyTheListedPorts) {
  const auto ports = PortSet::parse("80,443,8000-8999,65535");
  ASSERT_TRUE(ports.has_value());
  for (const int port : {80, 443, 8000, 8500, 8999, 65535}) {
    EXPECT_TRUE(ports->contains(static_cast<std::uint16_t>(port))) << port;
  }
  for (const int port : {0, 1, 79, 81, 442, 444, 7999, 9000, 65534}) {
    EXPECT_FALSE(ports->contains(static_cast<std::uint16_t>(port))) << port;
  }
}

TEST(PortSetTest, AcceptsTheWholeRange) {
  const auto ports = PortSet::parse("1-65535");
  ASSERT_TRUE(ports.has_value());
  EXPECT_FALSE(ports->contains(0));
  EXPECT_TRUE(ports->contains(1));
  EXPECT_TRUE(ports->contains(65535));
}

TEST(PortSetTest, SortsAndJoinsRanges) {
  const auto ports = PortSet::parse("90-95, 80 ,81-82,92-100,65535,65000-65535");
  ASSERT_TRUE(ports.has_value());
  const std::vector<PortRange> expected = {{80, 82}, {90, 100}, {65000, 65535}};
  EXPECT_EQ(ports->ranges(), expected);
}

TEST(PortSetTest, EqualSetsAreEqualHoweverWritten) {
  EXPECT_EQ(*PortSet::parse("80,81,82"), *PortSet::parse("81-82,80"));
}

TEST(PortSetTest, RefusesAndNamesTheBadPiece) {
  struct Case {
    std::string text;
    std::string named;
  };
  const Case cases[] = {
      {"", "empty element"},
      {",80", "empty element"},
      {"80,", "empty element"},
      {"80,,81", "empty element in the port list `80,,81`"},
      {"80, ,81", "empty element"},
      {"0", "`0` is not a port"},
      {"80,65536", "`65536` is not a port"},
      {"99999999999999999999", "`99999999999999999999`"},
      {"http", "`http`"},
      {"80x", "`80x`"},
      {"+80", "`+80`"},
      {"8 0", "`8 0`"},
      {"-80", "in `-80`: `` is not a port"},
      {"80-", "in `80-`"},
      {"80-90-100", "in `80-90-100`: `90-100`"},
      {"0-10", "in `0-10`: `0`"},
      {"1-65536", "in `1-65536`: `65536`"},
      {"9000-8000", "range `9000-8000` is reversed: write 8000-9000"},
      {"0x50", "`0x50`"},
      {std::string("80\0", 3), "is not a port"},
  };
  for (const Case& c : cases) {
    const auto ports = PortSet::parse(c.text);
    ASSERT_FALSE(ports.has_value()) << c.text;
    EXPECT_EQ(ports.error().code, base::ErrorCode::invalid_argument);
    EXPECT_NE(ports.error().message().find(c.named), std::string::npos) << ports.error().message();
  }
}

}  // namespace
}  // namespace beyla::agent::config
