#include "agent/broker/probe_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>

namespace beyla::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A program of before Go 1.22, without a router, that serves plain text.
probes::proof::BinaryReport plain(std::initializer_list<abi::go_probe> probes) {
  probes::proof::BinaryReport report;
  report.kind = abi::kBinaryGo;
  for (auto& offset : report.go.offset) offset = abi::kGoAbsentField;
  report.go.flags = abi::kGoNoTlsServer;
  for (const auto probe : probes) report.points.emplace_back().probe = probe;
  return report;
}

std::vector<std::uint32_t> wanted(const probes::proof::BinaryReport& report, bool traces = false) {
  std::vector<std::uint32_t> probes;
  for (const auto& point : wanted_points(report, {.traces = traces})) probes.push_back(point.probe);
  return probes;
}

const auto kServer = {abi::kGoProbeServeHttp, abi::kGoProbeFinishRequest, abi::kGoProbeHijack};

TEST(ProbeChoice, MetricsOfPlainHttpNeedNone) { EXPECT_THAT(wanted(plain(kServer)), IsEmpty()); }

TEST(ProbeChoice, TracesWantTheHandlersOfPlainHttp) {
  EXPECT_THAT(wanted(plain(kServer), true),
              ElementsAre(abi::kGoProbeServeHttp, abi::kGoProbeHijack));
}

TEST(ProbeChoice, WhatMayServeTlsHasAllOfTheServer) {
  auto report = plain(kServer);
  report.go.flags = 0;
  EXPECT_EQ(wanted(report).size(), 3U);
}

TEST(ProbeChoice, WhatStandsInForAnInlinedFunctionIsWantedAsItWouldBe) {
  const auto inlined = {abi::kGoProbeHttp1NoBody, abi::kGoProbeHttp1Body, abi::kGoProbeHttp1Abort,
                        abi::kGoProbeHttp2Flush};
  EXPECT_THAT(wanted(plain(inlined)), ElementsAre(abi::kGoProbeHttp2Flush));
  EXPECT_THAT(
      wanted(plain(inlined), true),
      ElementsAre(abi::kGoProbeHttp1NoBody, abi::kGoProbeHttp1Body, abi::kGoProbeHttp2Flush));
  auto report = plain(inlined);
  report.go.flags = 0;
  EXPECT_EQ(wanted(report).size(), 4U);
}

TEST(ProbeChoice, OnlyWhatMayServeTlsHasItsEnds) {
  auto report = plain({abi::kGoProbeTlsDone});
  EXPECT_THAT(wanted(report, true), IsEmpty());
  report.go.flags = 0;
  EXPECT_THAT(wanted(report), ElementsAre(abi::kGoProbeTlsDone));
}

TEST(ProbeChoice, RoutesWantTheHandlers) {
  for (const auto field : {abi::kGoRequestPattern, abi::kGoRequestPat}) {
    auto report = plain({abi::kGoProbeServeHttp, abi::kGoProbeServeMux});
    report.go.offset[field] = 8;
    EXPECT_THAT(wanted(report), ElementsAre(abi::kGoProbeServeHttp, abi::kGoProbeServeMux));
    // Nobody registers a pattern.
    report.go.flags |= abi::kGoNoPatterns;
    EXPECT_THAT(wanted(report), IsEmpty());
    EXPECT_THAT(wanted(report, true), ElementsAre(abi::kGoProbeServeHttp));
  }
  for (const auto router : {abi::kGoProbeGinHandle, abi::kGoProbeEchoFind, abi::kGoProbeMuxSetMatch,
                            abi::kGoProbeMuxSetMatchPointer}) {
    EXPECT_THAT(wanted(plain({abi::kGoProbeServeHttp, router})),
                ElementsAre(abi::kGoProbeServeHttp, router));
  }
}

TEST(ProbeChoice, PatternsAndRoutersTellRoutes) {
  auto report = plain(kServer);
  EXPECT_FALSE(can_tell_routes(report));
  report.go.offset[abi::kGoRequestPattern] = 8;
  EXPECT_TRUE(can_tell_routes(report));
  report.go.flags |= abi::kGoNoPatterns;
  EXPECT_FALSE(can_tell_routes(report));
  EXPECT_TRUE(can_tell_routes(plain({abi::kGoProbeEchoFind})));
}

TEST(ProbeChoice, WhatSocketsCannotReadIsAlwaysProbed) {
  const auto probes = {abi::kGoProbeHttp2Run,  abi::kGoProbeXnetDone,   abi::kGoProbeGrpcHandle,
                       abi::kGoProbeRoundTrip, abi::kGoProbeGrpcFinish, abi::kGoProbePanic};
  EXPECT_EQ(wanted(plain(probes)).size(), probes.size());
}

TEST(ProbeChoice, OnlyPooledContextsWantTheBeginOfTheAnswer) {
  const auto writes = {abi::kGoProbeWriteHeader, abi::kGoProbeHttp2WriteHeader};
  EXPECT_THAT(wanted(plain(writes), true), IsEmpty());
  EXPECT_THAT(wanted(plain({abi::kGoProbeWriteHeader, abi::kGoProbeMuxSetMatch})),
              ElementsAre(abi::kGoProbeMuxSetMatch));
  for (const auto router : {abi::kGoProbeGinHandle, abi::kGoProbeEchoFind}) {
    EXPECT_EQ(
        wanted(plain({abi::kGoProbeWriteHeader, abi::kGoProbeHttp2WriteHeader, router})).size(),
        3U);
  }
}

TEST(ProbeChoice, OnlyTracesWantTraceParents) {
  const auto report =
      plain({abi::kGoProbeHttp2Headers, abi::kGoProbeXnetHeaders, abi::kGoProbeGrpcHeaders});
  EXPECT_THAT(wanted(report), IsEmpty());
  EXPECT_EQ(wanted(report, true).size(), 3U);
}

TEST(ProbeChoice, OnlyEndsOfRoundTripsMayBeSteppedAndOnlyServeHttpIsACall) {
  using probes::proof::Stepping;
  for (std::uint32_t probe = 0; probe < 2 * abi::kGoProbes; ++probe) {
    const auto expected = probe == abi::kGoProbeRoundTripEnd ? Stepping::single_step_allowed
                          : probe == abi::kGoProbeServeHttp  ? Stepping::call_allowed
                                                             : Stepping::emulated_only;
    EXPECT_EQ(stepping_of(probe), expected) << probe;
  }
}

}  // namespace
}  // namespace beyla::broker
