#include "probes/proof/point_message.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <utility>

namespace beyla::probes::proof {
namespace {

abi::probe_points message_with(std::uint32_t count) {
  abi::probe_points message{};
  message.version = abi::kProbePointsVersion;
  message.length = sizeof(message);
  message.count = count;
  for (std::uint32_t index = 0; index < count; ++index) {
    message.points[index].probe = 7;
    message.points[index].point_offset = 0x1000 + index;
  }
  return message;
}

auto decoded(const abi::probe_points& message) {
  return decode_points(std::as_bytes(std::span(&message, 1)));
}

TEST(PointMessage, GivesThePointsInTheOrderSent) {
  for (const std::uint32_t count : {0U, 1U, 2U, 64U}) {
    const auto points = decoded(message_with(count));
    ASSERT_TRUE(points) << count;
    ASSERT_EQ(points->size(), count);
    for (std::uint32_t index = 0; index < count; ++index) {
      EXPECT_EQ(points->at(index).point_offset, 0x1000 + index);
    }
  }
}

TEST(PointMessage, RefusesWhatIsNotExactlyOne) {
  const std::pair<const char*, std::function<void(abi::probe_points&)>> changes[] = {
      {"version", [](auto& message) { message.version = 2; }},
      {"length", [](auto& message) { --message.length; }},
      {"count", [](auto& message) { message.count = 65; }},
      {"huge count", [](auto& message) { message.count = 0xffffffff; }},
      {"padding", [](auto& message) { message.padding = 1; }},
      {"padding of a point", [](auto& message) { message.points[1].padding = 1; }},
      {"something behind the last", [](auto& message) { message.points[63].expected[15] = 1; }},
      {"one place twice", [](auto& message) { message.points[1] = message.points[0]; }},
  };
  for (const auto& [name, change] : changes) {
    auto message = message_with(2);
    change(message);
    EXPECT_FALSE(decoded(message)) << name;
  }
}

TEST(PointMessage, TwoProbesMayShareAPlace) {
  auto message = message_with(2);
  message.points[1] = message.points[0];
  message.points[1].probe = 8;
  EXPECT_TRUE(decoded(message));
}

TEST(PointMessage, RefusesEveryOtherSize) {
  const auto message = message_with(1);
  std::vector<std::byte> bytes(sizeof(message) + 1);
  std::memcpy(bytes.data(), &message, sizeof(message));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(decode_points(std::span(bytes).first(size)).has_value(), size == sizeof(message));
  }
}

}  // namespace
}  // namespace beyla::probes::proof
