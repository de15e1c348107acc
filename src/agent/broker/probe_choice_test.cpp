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

TEST(ProbeChoice, RoutesWantTheHandlers) {
  for (const auto field : {abi::kGoRequestPattern, abi::kGoRequestPat}) {
    auto report = plain(kServer);
    report.go.offset[field] = 8;
    EXPECT_THAT(wanted(report), ElementsAre(abi::kGoProbeServeHttp, abi::kGoProbeHijack));
  }
  for (const auto router : {abi::kGoProbeGinHandle, abi::kGoProbeEchoFind, abi::kGoProbeMuxSetMatch,
                            abi::kGoProbeMuxSetMatchPointer}) {
    EXPECT_THAT(wanted(plain({abi::kGoProbeServeHttp, router})),
                ElementsAre(abi::kGoProbeServeHttp, router));
  }
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

TEST(ProbeChoice, OnlyEndsOfRoundTripsMayBeStepped) {
  for (std::uint32_t probe = 0; probe < 2 * abi::kGoProbes; ++probe) {
    const auto expected = probe == abi::kGoProbeRoundTripEnd
                              ? probes::proof::Stepping::single_step_allowed
                              : probes::proof::Stepping::emulated_only;
    EXPECT_EQ(stepping_of(probe), expected) << probe;
  }
}

}  // namespace
}  // namespace beyla::broker
