#include "probes/proof/report_message.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <iterator>
#include <string_view>
#include <utility>

namespace beyla::probes::proof {
namespace {

using Change = std::function<void(abi::binary_report&)>;

void write_text(abi::binary_report& report, std::string_view text) {
  std::ranges::fill(report.text, 0);
  std::ranges::copy(text, std::begin(report.text));
}

abi::binary_report go_report() {
  abi::binary_report report{};
  report.version = abi::kBinaryReportVersion;
  report.length = sizeof(report);
  report.kind = abi::kBinaryGo;
  report.inlined = std::uint64_t{1} << abi::kGoProbeFinishRequest;
  report.left_out = std::uint64_t{1} << abi::kGoProbeRoundTripAnswer;
  write_text(report, "go1.26.8");
  std::ranges::fill(report.go.offset, abi::kGoAbsentField);
  report.go.flags = abi::kGoGrpcStreamByValue | abi::kGoNoTlsServer;
  report.go.offset[abi::kGoGGoid] = 152;
  report.go.offset[abi::kGoFields - 1] = abi::kMaxGoOffset;
  report.points.version = abi::kProbePointsVersion;
  report.points.length = sizeof(report.points);
  report.points.count = 2;
  report.points.points[0].probe = abi::kGoProbeServeHttp;
  report.points.points[0].point_offset = 0x1004;
  report.points.points[1].probe = abi::kGoProbes - 1;
  return report;
}

abi::binary_report other_report() {
  abi::binary_report report{};
  report.version = abi::kBinaryReportVersion;
  report.length = sizeof(report);
  report.kind = abi::kBinaryOther;
  write_text(report, "not_go");
  report.points.version = abi::kProbePointsVersion;
  report.points.length = sizeof(report.points);
  return report;
}

auto decoded(const abi::binary_report& report) {
  return decode_report(std::as_bytes(std::span(&report, 1)));
}

TEST(ReportMessage, GivesWhatAGoBinaryIs) {
  const auto report = decoded(go_report());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, abi::kBinaryGo);
  EXPECT_EQ(report->text, "go1.26.8");
  EXPECT_EQ(report->inlined, std::uint64_t{1} << abi::kGoProbeFinishRequest);
  EXPECT_EQ(report->left_out, std::uint64_t{1} << abi::kGoProbeRoundTripAnswer);
  EXPECT_EQ(report->go.flags, abi::kGoGrpcStreamByValue | abi::kGoNoTlsServer);
  EXPECT_EQ(report->go.offset[abi::kGoGGoid], 152);
  EXPECT_EQ(report->go.offset[abi::kGoFields - 1], abi::kMaxGoOffset);
  ASSERT_EQ(report->points.size(), 2U);
  EXPECT_EQ(report->points[0].point_offset, 0x1004U);
}

TEST(ReportMessage, GivesWhyABinaryIsNotProbed) {
  const auto report = decoded(other_report());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, abi::kBinaryOther);
  EXPECT_EQ(report->text, "not_go");
  EXPECT_TRUE(report->points.empty());
}

abi::binary_report tls_report() {
  auto report = other_report();
  report.kind = abi::kBinaryTls;
  write_text(report, "openssl");
  report.left_out = 1U << abi::kTlsFreeEnter;
  report.points.count = 2;
  report.points.points[0].probe = abi::kTlsReadEnter;
  report.points.points[1].probe = std::uint32_t{abi::kTlsReadExit} | abi::kTlsByReturn;
  return report;
}

TEST(ReportMessage, GivesTheProbesOfATlsLibrary) {
  const auto report = decoded(tls_report());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, abi::kBinaryTls);
  EXPECT_EQ(report->left_out, 1U << abi::kTlsFreeEnter);
  ASSERT_EQ(report->points.size(), 2U);
  EXPECT_EQ(report->points[1].probe, std::uint32_t{abi::kTlsReadExit} | abi::kTlsByReturn);
}

TEST(ReportMessage, RefusesWhatNoWorkerSaysOfATlsLibrary) {
  const std::pair<const char*, Change> changes[] = {
      {"no probe", [](auto& report) { report.points.points[0].probe = 0; }},
      {"one behind the last",
       [](auto& report) { report.points.points[0].probe = abi::kTlsProbes; }},
      {"the return of an entry",
       [](auto& report) { report.points.points[0].probe |= abi::kTlsByReturn; }},
      {"another bit", [](auto& report) { report.points.points[0].probe |= 64; }},
      {"no points", [](auto& report) { report.points = other_report().points; }},
      {"a place in Go's structs", [](auto& report) { report.go.offset[0] = 8; }},
      {"a probe left out that is none",
       [](auto& report) { report.left_out = std::uint64_t{1} << abi::kTlsProbes; }},
  };
  for (const auto& [name, change] : changes) {
    auto report = tls_report();
    change(report);
    EXPECT_FALSE(decoded(report)) << name;
  }
}

TEST(ReportMessage, OfATlsLibraryThatIsNotSeenIsWithoutPoints) {
  auto message = tls_report();
  message.kind = abi::kBinaryTlsUnseen;
  EXPECT_FALSE(decoded(message));
  message.points.count = 0;
  std::ranges::fill(message.points.points, abi::probe_point{});
  const auto report = decoded(message);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->kind, abi::kBinaryTlsUnseen);
  EXPECT_EQ(report->left_out, 1U << abi::kTlsFreeEnter);
}

TEST(ReportMessage, RefusesWhatNoWorkerSays) {
  const std::pair<const char*, Change> changes[] = {
      {"version", [](auto& report) { ++report.version; }},
      {"length", [](auto& report) { --report.length; }},
      {"kind", [](auto& report) { report.kind = 4; }},
      {"the kind of an unseen TLS library",
       [](auto& report) { report.kind = abi::kBinaryTlsUnseen; }},
      {"the kind of a TLS library", [](auto& report) { report.kind = abi::kBinaryTls; }},
      {"padding", [](auto& report) { report.padding = 1; }},
      {"an inlined probe that is none", [](auto& report) { report.inlined = 1; }},
      {"one behind the last",
       [](auto& report) { report.left_out = std::uint64_t{1} << abi::kGoProbes; }},
      {"the highest bit", [](auto& report) { report.inlined |= std::uint64_t{1} << 63; }},
      {"no text", [](auto& report) { write_text(report, ""); }},
      {"a capital letter", [](auto& report) { write_text(report, "Go1"); }},
      {"a control character", [](auto& report) { write_text(report, "go\n"); }},
      {"a quote", [](auto& report) { write_text(report, "go\"1"); }},
      {"text without an end",
       [](auto& report) { std::ranges::fill(report.text, std::uint8_t{'a'}); }},
      {"something behind the text", [](auto& report) { report.text[55] = 'a'; }},
      {"the broker's flag", [](auto& report) { report.go.flags = abi::kGoTracesWanted; }},
      {"another one", [](auto& report) { report.go.flags = abi::kGoNoRoutes; }},
      {"an unknown flag", [](auto& report) { report.go.flags = 32; }},
      {"padding of the image", [](auto& report) { report.go.padding = 1; }},
      {"an offset too far", [](auto& report) { report.go.offset[3] = abi::kMaxGoOffset + 1; }},
      {"an offset of no field", [](auto& report) { report.go.offset[abi::kGoFields] = 0; }},
      {"the last offset", [](auto& report) { std::end(report.go.offset)[-1] = 0; }},
      {"no points", [](auto& report) { report.points = other_report().points; }},
      {"points of another version", [](auto& report) { ++report.points.version; }},
      {"one place twice", [](auto& report) { report.points.points[1] = report.points.points[0]; }},
      {"probe 0", [](auto& report) { report.points.points[1].probe = 0; }},
      {"an unknown probe", [](auto& report) { report.points.points[1].probe = abi::kGoProbes; }},
      {"go as another kind", [](auto& report) { report.kind = abi::kBinaryOther; }},
  };
  for (const auto& [name, change] : changes) {
    auto report = go_report();
    change(report);
    EXPECT_FALSE(decoded(report)) << name;
  }
}

TEST(ReportMessage, RefusesAnotherKindOfFileThatHasSomething) {
  const std::pair<const char*, Change> changes[] = {
      {"points", [](auto& report) { report.points = go_report().points; }},
      {"an offset", [](auto& report) { report.go.offset[0] = 1; }},
      {"go", [](auto& report) { report.kind = abi::kBinaryGo; }},
  };
  for (const auto& [name, change] : changes) {
    auto report = other_report();
    change(report);
    EXPECT_FALSE(decoded(report)) << name;
  }
}

TEST(ReportMessage, RefusesEveryOtherSize) {
  const auto report = go_report();
  std::vector<std::byte> bytes(sizeof(report) + 1);
  std::memcpy(bytes.data(), &report, sizeof(report));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(decode_report(std::span(bytes).first(size)).has_value(), size == sizeof(report));
  }
}

}  // namespace
}  // namespace beyla::probes::proof
