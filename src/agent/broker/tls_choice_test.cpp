#include "agent/broker/tls_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/tls_calls.h"

namespace beyla::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

abi::probe_point point(std::uint32_t probe, std::uint64_t offset, std::uint64_t symbol = 0x1000) {
  abi::probe_point result{};
  result.probe = probe;
  result.symbol_offset = symbol;
  result.symbol_bytes = 0x100;
  result.point_offset = offset;
  return result;
}

using Points = std::vector<abi::probe_point>;

std::vector<std::uint32_t> probes(const Points& points) {
  std::vector<std::uint32_t> ids;
  for (const auto& each : points) ids.push_back(each.probe);
  return ids;
}

constexpr std::uint32_t kReadByReturn = std::uint32_t{abi::kTlsReadExit} | abi::kTlsByReturn;

const Points kRead = {point(abi::kTlsReadEnter, 0x1000), point(abi::kTlsReadExit, 0x1080),
                      point(abi::kTlsReadExit, 0x1090), point(kReadByReturn, 0x1000)};

TEST(TlsChoice, ACallEndsInOneWay) {
  EXPECT_THAT(probes(wanted_tls_points(kRead, ReturnProbes::allowed)),
              ElementsAre(abi::kTlsReadEnter, kReadByReturn));
  EXPECT_THAT(probes(wanted_tls_points(kRead, ReturnProbes::never)),
              ElementsAre(abi::kTlsReadEnter, abi::kTlsReadExit, abi::kTlsReadExit));
}

TEST(TlsChoice, AnEntryWithoutAnEndIsOfNoUse) {
  const Points points = {point(abi::kTlsReadEnter, 0x1000), point(kReadByReturn, 0x1000),
                         point(abi::kTlsFreeEnter, 0x2000, 0x2000)};
  EXPECT_THAT(probes(wanted_tls_points(points, ReturnProbes::never)),
              ElementsAre(abi::kTlsFreeEnter));
}

constexpr std::uint32_t kInnerByReturn = std::uint32_t{abi::kTlsReadInnerExit} | abi::kTlsByReturn;

Points with_inner() {
  Points points = {
      point(abi::kTlsReadExEnter, 0x2000, 0x2000),    point(abi::kTlsReadExExit, 0x2010, 0x2000),
      point(abi::kTlsWriteEnter, 0x3000, 0x3000),     point(abi::kTlsWriteExit, 0x3010, 0x3000),
      point(abi::kTlsReadInnerEnter, 0x4000, 0x4000), point(kInnerByReturn, 0x4000, 0x4000)};
  points.insert(points.end(), kRead.begin(), kRead.end());
  return points;
}

TEST(TlsChoice, AnInnerFunctionIsTakenInPlaceOfThoseThatCallIt) {
  EXPECT_THAT(probes(wanted_tls_points(with_inner(), ReturnProbes::allowed)),
              ElementsAre(abi::kTlsWriteEnter, abi::kTlsWriteExit, abi::kTlsReadInnerEnter,
                          kInnerByReturn));
  auto writes = with_inner();
  writes[4].probe = abi::kTlsWriteFlagsEnter;
  writes[5].probe = std::uint32_t{abi::kTlsWriteFlagsExit} | abi::kTlsByReturn;
  EXPECT_THAT(probes(wanted_tls_points(writes, ReturnProbes::allowed)),
              ElementsAre(abi::kTlsReadExEnter, abi::kTlsReadExExit, abi::kTlsWriteFlagsEnter,
                          writes[5].probe, abi::kTlsReadEnter, kReadByReturn));
}

TEST(TlsChoice, AnInnerFunctionIsNotTakenWithoutReturnProbesOrUnproven) {
  const auto outer = wanted_tls_points(with_inner(), ReturnProbes::never);
  EXPECT_THAT(probes(outer), ElementsAre(abi::kTlsReadExEnter, abi::kTlsReadExExit,
                                         abi::kTlsWriteEnter, abi::kTlsWriteExit,
                                         abi::kTlsReadEnter, abi::kTlsReadExit, abi::kTlsReadExit));
  EXPECT_FALSE(has_inner(outer));
  ASSERT_TRUE(has_inner(with_inner()));
  EXPECT_THAT(probes(wanted_tls_points(without_inner(with_inner()), ReturnProbes::allowed)),
              ElementsAre(abi::kTlsReadExEnter, abi::kTlsReadExExit, abi::kTlsWriteEnter,
                          abi::kTlsWriteExit, abi::kTlsReadEnter, kReadByReturn));
}

TEST(TlsChoice, TheEndOfANamesakeIsAnothers) {
  const Points points = {point(abi::kTlsReadEnter, 0x1000),
                         point(abi::kTlsReadExit, 0x2000, 0x2000)};
  EXPECT_THAT(wanted_tls_points(points, ReturnProbes::allowed), IsEmpty());
}

TEST(TlsChoice, ACallOfWhichOnePointIsNotProvenIsLeftOut) {
  auto points = wanted_tls_points(kRead, ReturnProbes::never);
  points.push_back(point(abi::kTlsFreeEnter, 0x2000, 0x2000));
  EXPECT_EQ(complete_tls_points(points, points).size(), 4U);
  for (std::size_t missing = 0; missing < 3; ++missing) {
    auto proven = points;
    proven.erase(proven.begin() + static_cast<std::ptrdiff_t>(missing));
    EXPECT_THAT(probes(complete_tls_points(points, proven)), ElementsAre(abi::kTlsFreeEnter));
  }
}

TEST(TlsChoice, OnlyBeginningsAndReturnsAreSingleStepped) {
  using probes::proof::Stepping;
  EXPECT_EQ(tls_stepping_of(point(abi::kTlsReadEnter, 0x1000)), Stepping::single_step_allowed);
  EXPECT_EQ(tls_stepping_of(point(abi::kTlsReadEnter, 0x1001)), Stepping::emulated_only);
  auto returns = point(abi::kTlsReadExit, 0x1080);
  returns.expected[0] = 0xc3;
  EXPECT_EQ(tls_stepping_of(returns), Stepping::single_step_allowed);
}

TEST(TlsChoice, AReturnProbeStandsWhereTheReturnAddressIs) {
  constexpr std::byte kEndbr64[] = {std::byte{0xf3}, std::byte{0x0f}, std::byte{0x1e},
                                    std::byte{0xfa}};
  constexpr std::byte kSub[] = {std::byte{0x48}, std::byte{0x83}, std::byte{0xec}, std::byte{0x08}};
  EXPECT_TRUE(may_probe_return(point(kReadByReturn, 0x1000), {}));
  EXPECT_TRUE(may_probe_return(point(kReadByReturn, 0x1004), kEndbr64));
  EXPECT_FALSE(may_probe_return(point(kReadByReturn, 0x1004), kSub));
  EXPECT_FALSE(may_probe_return(point(kReadByReturn, 0x1001), std::span(kEndbr64).first(1)));
  EXPECT_FALSE(may_probe_return(point(kReadByReturn, 0x1004), {}));
}

}  // namespace
}  // namespace beyla::broker
